//! Outputs: the typed values that resources give to each other.
//! Must know nothing of who gives or needs them.

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

/// The name and type of a value that one resource gives and others need: `const VPC: Output<Vpc> = Output::new("vpc")`.
pub struct Output<T> {
    pub name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Output<T> {
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            value: PhantomData,
        }
    }
}

/// The outputs known so far. A missing one is known only after its resource was applied.
#[derive(Default, Clone)]
pub struct Values(HashMap<&'static str, Arc<dyn Any + Send + Sync>>);

impl Values {
    pub fn get<T: Clone + Send + Sync + 'static>(&self, output: &Output<T>) -> Option<T> {
        self.0
            .get(output.name)
            .and_then(|value| value.downcast_ref::<T>())
            .cloned()
    }

    pub fn set<T: Send + Sync + 'static>(&mut self, output: &Output<T>, value: T) {
        self.0.insert(output.name, Arc::new(value));
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.keys().copied()
    }

    /// Takes over what `other` knows, its values first.
    pub fn merge(&mut self, other: Values) {
        self.0.extend(other.0);
    }
}
