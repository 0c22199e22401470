//! Speed of the kernels on one thread, in GFLOP/s and in percent of the multiply-adds that the
//! processor can do, and of the optimizers, in ns for each weight (on one thread under
//! `RAYON_NUM_THREADS=1`).
//!
//! `cargo bench --bench kernels [-- FILTER [LEVEL [f32|bf16]]]`, where `FILTER` is part of a name
//! such as `gemm/512x512x512` and `LEVEL` is `portable`, `neon`, `avx2`, `avx512` or `avx512bf16`.
//! A product `m x k x n` is named by the rows of a batch of one sample.

use std::hint::black_box;
use std::time::Instant;

use keras_ir::activation::Activation;
use keras_ir::initializer::Initializer;
use keras_ir::ops::{
    AveragePool2D, Conv2D, Conv2DGradW, Conv2DGradX, Depthwise2D, Depthwise2DGradW,
    Depthwise2DGradX, Gemm, GemmGradW, GemmGradX, MaxPool2D, MaxPool2DGrad, Op, Operation as _,
    Window,
};
use keras_ir::plan::WeightInfo;
use keras_runtime::kernels::{Call, Cpu, Run, run as compute};
use keras_runtime::optimizers::{Adam, AdamW, Optimizer, RMSprop, SGD, Updater};
use keras_runtime::simd::{Level, multiply_adds, with_level};
use keras_target::needs::workspace_len;
use keras_target::target::{self, MixedBfloat16, Target};

/// Time spent on each measurement, and how many of them the fastest is taken of: short ones, so
/// that some of them are not interrupted by other programs.
const SECONDS: f64 = 0.001;
const MEASUREMENTS: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let filter = arguments.first().map_or("", String::as_str);
    let level = arguments.get(1).map_or(Some(Level::best()), |name| level(name));
    let Some(level) = level else { return eprintln!("no such level: {}", arguments[1]) };
    let target: &dyn Target = match arguments.get(2).map(String::as_str) {
        Some("bf16") => &MixedBfloat16,
        _ => &target::Cpu,
    };
    if let Err(unsupported) = with_level(level, || bench_all(filter, target)) {
        eprintln!("{unsupported}");
    }
}

fn level(name: &str) -> Option<Level> {
    Level::available().find(|level| format!("{level:?}").eq_ignore_ascii_case(name))
}

fn bench_all(filter: &str, target: &dyn Target) {
    let rounds = 10_000;
    let peak = multiply_adds(rounds).0 as f64 / seconds(|| _ = black_box(multiply_adds(rounds)));
    println!("peak at {:?}: {:.1} GFLOP/s", Level::current(), peak / 1e9);
    for (name, op, input_lens, output_len) in cases() {
        if !name.contains(filter) {
            continue;
        }
        let inputs: Vec<Vec<f32>> = input_lens.iter().map(|&len| values(len)).collect();
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        let mut output = vec![0.0; output_len];
        let algorithm = target.algorithm(&op);
        let mut workspace = vec![0.0; workspace_len(&op, algorithm)];
        let seconds = seconds(|| {
            let (output, workspace) = (&mut output[..], &mut workspace[..]);
            let (samples, inputs, prepared) = (1, &inputs[..], &[]);
            let run = Run::default();
            compute::<Cpu>(
                &op,
                Call { algorithm, samples, inputs, output, workspace, prepared, run },
            );
        });
        let rate = op.flops() as f64 / seconds;
        let (micros, percent) = (seconds * 1e6, rate / peak * 100.0);
        println!("{name:40} {micros:10.2} us {:8.1} GFLOP/s {percent:5.1} %", rate / 1e9);
    }
    bench_optimizers(filter);
}

/// Steps of optimizers, in ns for each weight, and in GB/s of all that is read and written:
/// `optimizer/adam/670000`.
fn bench_optimizers(filter: &str) {
    let momentum = 0.9;
    let optimizers: [(&str, &dyn Optimizer); 7] = [
        ("sgd", &SGD::default()),
        ("momentum", &SGD { momentum, ..SGD::default() }),
        ("rmsprop", &RMSprop::default()),
        ("rmsprop_momentum", &RMSprop { momentum, ..RMSprop::default() }),
        ("adam", &Adam::default()),
        ("adamw", &AdamW::default()),
        ("adam_clipnorm", &Adam { clipnorm: Some(1.0), ..Adam::default() }),
    ];
    for (len, (name, optimizer)) in [1_000, 30_000, 670_000]
        .into_iter()
        .flat_map(|len| optimizers.map(|optimizer| (len, optimizer)))
    {
        let name = format!("optimizer/{name}/{len}");
        if !name.contains(filter) {
            continue;
        }
        let mut updater = Updater::new(optimizer, &[weight(len)]);
        let (mut w, mut g) = (values(len), values(len));
        let seconds = seconds(|| updater.step(optimizer, &mut w, &mut g));
        // The weight and each slot are read and written, the gradient is read.
        let bytes = len * size_of::<f32>() * (3 + 2 * optimizer.slot_count());
        let (nanos, rate) = (seconds / len as f64 * 1e9, bytes as f64 / seconds / 1e9);
        println!("{name:40} {:10.2} us {nanos:8.3} ns/weight {rate:6.1} GB/s", seconds * 1e6);
    }
}

/// A trained weight of so many numbers.
fn weight(len: usize) -> WeightInfo {
    WeightInfo {
        field: "kernel".into(),
        layer: "dense".into(),
        name: "kernel".into(),
        path: "layers/dense/vars/0".into(),
        shape: vec![len].into(),
        offset: 0,
        trainable: true,
        initializer: Initializer::ZEROS,
        l1: 0.0,
        l2: 0.0,
        constraint: None,
    }
}

/// Seconds that a call takes: the fastest of several measurements.
fn seconds(mut call: impl FnMut()) -> f64 {
    let mut time = |calls: usize| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed().as_secs_f64()
    };
    let calls = ((SECONDS * 3.0 / time(3)) as usize).max(1);
    (0..MEASUREMENTS).map(|_| time(calls) / calls as f64).fold(f64::INFINITY, f64::min)
}

/// Numbers of both signs, none of which makes sums grow without bound.
fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 1013) as f32 / 1013.0 - 0.5).collect()
}

/// Name, op, lengths of the inputs and of the output.
type Case = (String, Op, Vec<usize>, usize);

fn cases() -> Vec<Case> {
    let products = [
        (128, 784, 512),
        (512, 512, 512),
        (32, 800, 128),
        (32, 784, 512),
        (12544, 9, 32),
        (1024, 144, 16),
        (128, 512, 10),
        (32, 64, 10),
        (8, 784, 512),
        (1, 784, 512),
        (1, 64, 64),
        (1, 64, 10),
        (1, 8, 8),
    ];
    let mut cases: Vec<Case> =
        products.into_iter().flat_map(|(m, k, n)| product(m, k, n)).collect();
    // (extent, kernel, stride, padded, channels, filters)
    let convolutions = [
        (28, 3, 1, true, 64, 64),
        (32, 3, 1, true, 16, 16),
        (16, 3, 1, true, 32, 32),
        (8, 3, 1, true, 64, 64),
        (32, 3, 2, true, 16, 32),
        (32, 1, 2, true, 16, 32),
        (28, 3, 1, false, 1, 32),
        (13, 3, 1, false, 32, 64),
        (32, 3, 1, true, 3, 16),
        (7, 3, 1, true, 256, 256),
        (28, 1, 1, false, 64, 64),
        (96, 3, 2, true, 3, 16),
        (48, 1, 1, false, 16, 8),
        (6, 1, 1, false, 144, 24),
    ];
    cases.extend(convolutions.into_iter().flat_map(convolution));
    cases.extend(windows(32, 32));
    cases
}

fn product(m: usize, k: usize, n: usize) -> [Case; 3] {
    let name = |op| format!("{op}/{m}x{k}x{n}");
    let forward = Gemm { m, k, n, bias: true, f: Activation::RELU };
    [
        (name("gemm"), forward.into(), vec![m * k, k * n, n], m * n),
        (name("gemm_grad_x"), GemmGradX { m, k, n }.into(), vec![m * n, k * n], m * k),
        (
            name("gemm_grad_w"),
            GemmGradW { m, k, n, first: 0, count: k }.into(),
            vec![m * k, m * n],
            k * n,
        ),
    ]
}

fn window(input: usize, kernel: usize, stride: usize, padded: bool) -> Window {
    let output = if padded { input.div_ceil(stride) } else { (input - kernel) / stride + 1 };
    let pad = ((output - 1) * stride + kernel).saturating_sub(input) / 2;
    Window { input, output, kernel, stride, dilation: 1, pad: if padded { pad } else { 0 } }
}

fn convolution(
    (extent, kernel, stride, padded, channels, filters): (usize, usize, usize, bool, usize, usize),
) -> [Case; 3] {
    let rows = window(extent, kernel, stride, padded);
    let (columns, groups) = (rows, 1);
    let name =
        |op| format!("{op}/{extent}x{extent}x{channels}_{kernel}x{kernel}s{stride}_{filters}");
    let (x, y) = (extent * extent * channels, rows.output * rows.output * filters);
    let w = kernel * kernel * channels * filters;
    let (bias, f) = (true, Activation::RELU);
    let forward =
        Conv2D { rows, columns, channels, filters, groups, bias, norm: None, add: false, f };
    let grad_x = Conv2DGradX { rows, columns, channels, filters, groups };
    let grad_w = Conv2DGradW { rows, columns, channels, filters, groups };
    [
        (name("conv2d"), forward.into(), vec![x, w, filters], y),
        (name("conv2d_grad_x"), grad_x.into(), vec![y, w], x),
        (name("conv2d_grad_w"), grad_w.into(), vec![x, y], w),
    ]
}

fn windows(extent: usize, channels: usize) -> [Case; 6] {
    let three = window(extent, 3, 1, true);
    let two = window(extent, 2, 2, false);
    let (multiplier, bias, f) = (1, true, Activation::RELU);
    let name = |op| format!("{op}/{extent}x{extent}x{channels}");
    let (x, w) = (extent * extent * channels, 9 * channels);
    let pooled = x / 4;
    let (rows, columns) = (three, three);
    let depthwise = Depthwise2D { rows, columns, channels, multiplier, bias, norm: None, f };
    let grad_x = Depthwise2DGradX { rows, columns, channels, multiplier };
    let grad_w = Depthwise2DGradW { rows, columns, channels, multiplier };
    let (rows, columns) = (two, two);
    let max_grad = MaxPool2DGrad { rows, columns, channels };
    [
        (name("depthwise2d"), depthwise.into(), vec![x, w, channels], x),
        (name("depthwise2d_grad_x"), grad_x.into(), vec![x, w], x),
        (name("depthwise2d_grad_w"), grad_w.into(), vec![x, x], w),
        (name("max_pool2d"), MaxPool2D { rows, columns, channels }.into(), vec![x], pooled),
        (name("max_pool2d_grad"), max_grad.into(), vec![x, pooled, pooled], x),
        (name("average_pool2d"), AveragePool2D { rows, columns, channels }.into(), vec![x], pooled),
    ]
}
