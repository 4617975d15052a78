//! What is made from a text and nothing else, made once in a process: a region is opened for every test and every simulated night, from the same few texts.
//!
//! Invariant: only what is immutable and follows from its key alone is kept here, so that who opened a region before changes nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// More different keys than any run needs; beyond that it starts anew.
const MOST: usize = 256;

/// Values by the text they were made from.
pub struct Remembered<V>(Mutex<BTreeMap<String, Arc<V>>>);

impl<V> Default for Remembered<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> Remembered<V> {
    /// Nothing made yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// The value of `key`, made now if it was not made before. A failure is not kept.
    pub fn of<E>(&self, key: &str, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        if let Some(made) = self.values().get(key) {
            return Ok(Arc::clone(made));
        }
        // Outside of the lock: two threads may make the same, which is the same.
        let made = Arc::new(make()?);
        let mut values = self.values();
        if values.len() >= MOST {
            values.clear();
        }
        Ok(Arc::clone(values.entry(key.to_owned()).or_insert(made)))
    }

    fn values(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<V>>> {
        // A panic in another thread leaves nothing half made here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once_and_a_failure_again() {
        let remembered: Remembered<usize> = Remembered::new();
        assert_eq!(remembered.of("four", || Err("not now")), Err("not now"));
        let first = remembered.of::<()>("four", || Ok(4)).unwrap();
        let second = remembered
            .of::<()>("four", || unreachable!("it was made before"))
            .unwrap();
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let remembered: Remembered<usize> = Remembered::new();
        for n in 0..3 * MOST {
            assert_eq!(*remembered.of::<()>(&n.to_string(), || Ok(n)).unwrap(), n);
            assert!(remembered.values().len() <= MOST);
        }
    }
}
