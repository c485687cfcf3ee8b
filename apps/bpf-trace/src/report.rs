//! Tables and histograms, in the look of bcc's and bpftrace's tools.

/// Stars of the longest bar.
const WIDTH: usize = 40;

/// Prints counts with their names, the largest first.
pub fn table(title: &str, rows: &mut [(alloc::string::String, u64)]) {
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    println!("{title:<60} {:>12}", "COUNT");
    for (name, count) in rows {
        println!("{name:<60} {count:>12}");
    }
    println!();
}

/// Prints the counts of a histogram by powers of two: slot `i` counts values from `2^i` to `2^(i+1) - 1`, slot 0 also 0.
pub fn log2_histogram(unit: &str, slots: &[u64]) {
    let Some(last) = slots.iter().rposition(|&count| count > 0) else {
        println!("     {unit:<19} : nothing counted\n");
        return;
    };
    let most = slots.iter().copied().max().unwrap_or(1);
    println!("     {unit:<19} : count    distribution");
    for (i, &count) in slots[..=last].iter().enumerate() {
        let low = if i == 0 { 0 } else { 1u64 << i };
        let high = u64::MAX >> (63 - i);
        let stars = (u128::from(count) * WIDTH as u128 / u128::from(most)) as usize;
        println!("{low:>10} -> {high:<10} : {count:<8} |{:<WIDTH$}|", "*".repeat(stars));
    }
    println!();
}
