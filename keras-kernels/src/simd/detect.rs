//! Whether a processor has instructions.

/// Whether the processor has instructions: it is asked for them.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
macro_rules! has {
    ($($feature:tt),+) => {
        $(std::arch::is_x86_feature_detected!($feature))&&+
    };
}

/// Whether the processor has instructions: it is asked for them.
#[cfg(all(feature = "std", target_arch = "aarch64"))]
macro_rules! has {
    ($($feature:tt),+) => {
        $(std::arch::is_aarch64_feature_detected!($feature))&&+
    };
}

/// Whether the processor has instructions: the crate is compiled for such alone.
#[cfg(all(not(feature = "std"), any(target_arch = "x86_64", target_arch = "aarch64")))]
macro_rules! has {
    ($($feature:tt),+) => {
        cfg!(all($(target_feature = $feature),+))
    };
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) use has;
