//! What several tests use.

/// Elements of the LRU hash that the trace is for.
pub const ENTRIES: u32 = 10_000;
/// Different keys in the trace.
const KEYS: usize = 100_000;
/// Accesses.
const LENGTH: usize = 500_000;

/// Keys as a cache is asked for them: the k-th most frequent one with a probability proportional to k^-0.99 (Zipf), in a random order.
pub fn trace() -> impl Iterator<Item = u32> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=KEYS)
        .map(|k| {
            sum += (k as f64).powf(-0.99);
            sum
        })
        .collect();
    let mut state = 0x2545_f491_4f6c_dd1du64;
    (0..LENGTH).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let at = (state >> 11) as f64 / (1u64 << 53) as f64 * sum;
        let rank = sums.partition_point(|&sum| sum < at) as u32;
        // Frequent keys are no neighbours.
        rank.wrapping_mul(0x9e37_79b1)
    })
}
