//! A server on this machine for the tests of downloads.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// What the server says of one file.
pub(super) enum Reply {
    /// The bytes, with their length.
    Whole(Vec<u8>),
    /// The first half of the bytes, under a header that announces all of them.
    Half(Vec<u8>),
    /// The first half of the bytes, with no length announced.
    HalfUnannounced(Vec<u8>),
}

/// Serves files by name on this machine until the process ends; any other name is a 404. Returns
/// its address.
pub(super) fn serve(files: impl IntoIterator<Item = (&'static str, Reply)>) -> String {
    let files: HashMap<&str, Reply> = files.into_iter().collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/sets/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &files);
        }
    });
    address
}

fn answer(mut stream: TcpStream, files: &HashMap<&str, Reply>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let request = lines.next().unwrap();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let name = request.strip_prefix("GET /sets/").and_then(|rest| rest.split(' ').next());
    let (head, body) = match name.and_then(|name| files.get(name)) {
        Some(Reply::Whole(body)) => (length(body), &body[..]),
        Some(Reply::Half(body)) => (length(body), &body[..body.len() / 2]),
        Some(Reply::HalfUnannounced(body)) => ("200 OK".into(), &body[..body.len() / 2]),
        None => ("404 Not Found\r\nContent-Length: 0".into(), &[][..]),
    };
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").unwrap();
    stream.write_all(body).unwrap();
}

fn length(body: &[u8]) -> String {
    format!("200 OK\r\nContent-Length: {}", body.len())
}
