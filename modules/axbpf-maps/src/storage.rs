//! Values kept for tasks (Linux: kernel/bpf/bpf_task_storage.c). A task's value is there until it is removed or the task has gone.
//!
//! The elements are those of a hash that grows, by the task's id; the first word of each is what the platform watches the task by. Nobody
//! tells us of a task's end: so elements of tasks that have gone are looked for whenever as many were made as the last time were left. Commands
//! name a task by its id where Linux has a pidfd.
use crate::hash::Hash;
use crate::ops::Ops;
use crate::store::{Growing, Store};
use crate::value::Layout;
use crate::{MapError, MapSpec};
use alloc::sync::{Arc, Weak};
use alloc::task::Wake;
use axbpf_abi::MapFields;
use axbpf_abi::MapType;
use axbpf_abi::flags::*;
use axbpf_platform::{Task, current_task, task_gone, task_unwatch, task_watch, wake};
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::task::Waker;

/// Most tasks that a map has values for.
const TASKS: u32 = 4096;
/// So many values are made before anybody looks for tasks that have gone.
const FEW: usize = 16;

/// A map of tasks' values.
pub(crate) struct TaskStorage(Arc<Values>);

struct Values {
    hash: Hash<Growing>,
    layout: Layout,
    value_size: usize,
    /// Made since the last sweep, and left by it.
    made: AtomicUsize,
    left: AtomicUsize,
    /// Armed unless a sweep was asked for.
    sweep: Arc<wake::Reader>,
}

/// What the interrupt calls that a program pends.
struct Sweep(Weak<Values>);

impl Wake for Sweep {
    fn wake(self: Arc<Self>) {
        if let Some(values) = self.0.upgrade() {
            values.sweep();
            values.sweep.arm(&Waker::from(self));
        }
    }
}

impl fmt::Debug for TaskStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskStorage({} tasks)", self.0.hash.len())
    }
}

impl TaskStorage {
    pub(crate) fn new(spec: &MapSpec) -> Result<TaskStorage, MapError> {
        let elements = MapSpec {
            map_type: MapType::Hash,
            key_size: 8,
            value_size: spec.value_size + 8,
            max_entries: TASKS,
            flags: BPF_F_NO_PREALLOC,
            fields: MapFields::default(),
            ..*spec
        };
        let values = Arc::new(Values {
            hash: Hash::growing(&elements)?,
            layout: Layout::new(spec.fields),
            value_size: spec.value_size as usize,
            made: AtomicUsize::new(0),
            left: AtomicUsize::new(0),
            sweep: Arc::default(),
        });
        values.sweep.arm(&Waker::from(Arc::new(Sweep(Arc::downgrade(&values)))));
        Ok(TaskStorage(values))
    }

    /// Address of a task's value. `create`: if there is none, it is made, of these bytes or zeros; for the current task alone. IRQs off.
    pub(crate) fn value(&self, task: &Task, create: Option<Option<&[u8]>>) -> Option<*mut u8> {
        let key = task.id.to_le_bytes();
        let find = || Some(self.0.hash.lookup_ptr(&key)?.wrapping_add(8));
        find().or_else(|| {
            self.0.create(task, create?).ok()?;
            find()
        })
    }

    pub(crate) fn remove(&self, id: u64) -> Result<(), MapError> {
        let watch = self.0.hash.remove_with(&id.to_le_bytes(), |value| value.at(0).load(Relaxed))?;
        // By the task itself, which lives, or by a command: either may give its memory back.
        task_unwatch(watch as usize);
        Ok(())
    }
}

impl Values {
    fn create(&self, task: &Task, bytes: Option<&[u8]>) -> Result<(), MapError> {
        if task.key != current_task().key || task.key == 0 {
            return Err(MapError::NoSuchKey);
        }
        let watch = task_watch(task.key);
        let made = self.hash.insert_with(&task.id.to_le_bytes(), |value| {
            value.at(0).store(watch as u64, Relaxed);
            match bytes {
                Some(bytes) => self.layout.put_new(value.from(1), bytes),
                None => value.from(1).clear(self.value_size.div_ceil(8)),
            }
        });
        if made.is_err() {
            task_unwatch(watch);
        } else if self.made.fetch_add(1, Relaxed) >= self.left.load(Relaxed).max(FEW) {
            self.sweep.notify();
        }
        made
    }

    /// Removes the values of tasks that have gone.
    fn sweep(&self) {
        self.made.store(0, Relaxed);
        for bucket in 0..self.hash.buckets() {
            // Busy: a program interrupted whoever is there. They are found next time.
            while let Ok(Some(watch)) = self.hash.remove_one(bucket, |value| task_gone(value.at(0).load(Relaxed) as usize)) {
                task_unwatch(watch as usize);
            }
        }
        self.left.store(self.hash.len(), Relaxed);
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        for bucket in 0..self.hash.buckets() {
            while let Ok(Some(watch)) = self.hash.remove_one(bucket, |_| true) {
                task_unwatch(watch as usize);
            }
        }
    }
}

/// A task's id as a command gives it.
fn id(key: &[u8]) -> [u8; 8] {
    u64::from(crate::bytes::index(key).unwrap_or(u32::MAX)).to_le_bytes()
}

impl Ops for TaskStorage {
    fn lookup(&self, key: &[u8], out: &mut [u8], flags: u64) -> Result<(), MapError> {
        let layout = &self.0.layout;
        let found = self.0.hash.with_value(&id(key), |value| {
            let value = value.from(1);
            if flags & BPF_F_LOCK != 0 {
                layout.locked(value, || layout.get(value, out));
            } else {
                layout.get(value, out);
            }
        });
        found.ok_or(MapError::NoSuchKey)
    }

    fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        let (locked, flags) = (flags & BPF_F_LOCK != 0, flags & !BPF_F_LOCK);
        if flags > BPF_EXIST {
            return Err(MapError::Flags(flags));
        }
        let _section = axbpf_platform::IrqGuard::new();
        let layout = &self.0.layout;
        let put = |row: crate::words::Row<'_>| {
            let row = row.from(1);
            if locked {
                layout.locked(row, || layout.put(row, value));
            } else {
                layout.put(row, value);
            }
        };
        let there = self.0.hash.with_value(&id(key), |_| ()).is_some();
        match (there, flags) {
            (true, BPF_NOEXIST) => Err(MapError::Exists),
            (true, _) => self.0.hash.with_value(&id(key), put).ok_or(MapError::NoSuchKey),
            (false, BPF_EXIST) => Err(MapError::NoSuchKey),
            (false, _) => {
                let task = current_task();
                if task.id.to_le_bytes() != id(key) {
                    return Err(MapError::NoSuchKey);
                }
                match self.0.create(&task, Some(value)) {
                    Err(MapError::Reserve) if self.0.hash.store().prepare() => self.0.create(&task, Some(value)),
                    result => result,
                }
            }
        }
    }

    fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        self.remove(u64::from_le_bytes(id(key)))
    }
}
