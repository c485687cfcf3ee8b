//! One value a CPU.
use crate::cpu_id;

/// Most CPUs that a machine may have.
pub const MAX_CPUS: usize = 32;

/// One `T` for each CPU, in cache lines of its own. The values are shared (`T: Sync`): another CPU may look at them.
pub struct PerCpu<T>([Line<T>; MAX_CPUS]);

#[repr(align(64))]
struct Line<T>(T);

impl<T> PerCpu<T> {
    /// Makes each CPU's value.
    pub fn from_fn(mut f: impl FnMut(usize) -> T) -> Self {
        PerCpu(core::array::from_fn(|cpu| Line(f(cpu))))
    }

    /// This CPU's value; it stays this CPU's only while IRQs are off.
    #[inline]
    pub fn this(&self) -> &T {
        self.of(cpu_id())
    }

    /// The value of the CPU with this number (modulo [`MAX_CPUS`]).
    #[inline]
    pub fn of(&self, cpu: usize) -> &T {
        &self.0[cpu % MAX_CPUS].0
    }

    /// The values of all CPUs, by number.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|line| &line.0).take(crate::cpu_count())
    }
}

/// A `PerCpu` in a `static`: every CPU begins with the same constant.
#[macro_export]
macro_rules! per_cpu {
    ($value:expr) => {
        $crate::PerCpu::from_array([const { $value }; $crate::MAX_CPUS])
    };
}

impl<T> PerCpu<T> {
    /// See [`per_cpu`](crate::per_cpu).
    #[doc(hidden)]
    pub const fn from_array(values: [T; MAX_CPUS]) -> Self {
        let values = core::mem::ManuallyDrop::new(values);
        let mut out: [core::mem::MaybeUninit<Line<T>>; MAX_CPUS] = [const { core::mem::MaybeUninit::uninit() }; MAX_CPUS];
        let from = (&raw const values).cast::<T>();
        let mut i = 0;
        while i < MAX_CPUS {
            // SAFETY: 1. `from` points to MAX_CPUS values (ManuallyDrop is transparent). 2. Each is read once and never dropped in place.
            out[i] = core::mem::MaybeUninit::new(Line(unsafe { from.add(i).read() }));
            i += 1;
        }
        // SAFETY: every element was written; the array of `Line` has the layout of the array of `MaybeUninit<Line>`.
        PerCpu(unsafe { core::mem::transmute_copy(&out) })
    }
}
