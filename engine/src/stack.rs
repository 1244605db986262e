//! The values that a program works on.

use crate::machine::{Halt, INTERNAL};
use crate::value::Value;

/// A stack over a buffer that is large enough for every verified program, so that pushing never makes it grow.
pub(crate) struct Stack<'a> {
    values: &'a mut [Value],
    height: usize,
}

impl<'a> Stack<'a> {
    pub(crate) const fn new(values: &'a mut [Value]) -> Self {
        Self { values, height: 0 }
    }

    #[inline]
    pub(crate) fn push(&mut self, value: Value) -> Result<(), Halt> {
        let Some(free) = self.values.get_mut(self.height) else { return Err(INTERNAL) };
        *free = value;
        self.height = self.height.wrapping_add(1);
        Ok(())
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Result<Value, Halt> {
        // Below zero is far above the buffer's length.
        self.height = self.height.wrapping_sub(1);
        match self.values.get(self.height) {
            Some(value) => Ok(*value),
            None => Err(INTERNAL),
        }
    }

    /// The value on top, which stays.
    #[inline]
    pub(crate) fn top(&self) -> Result<Value, Halt> {
        match self.values.get(self.height.wrapping_sub(1)) {
            Some(value) => Ok(*value),
            None => Err(INTERNAL),
        }
    }

    /// Takes the topmost `count` values, lowest first. They may be changed, and are gone with the next push.
    pub(crate) fn take(&mut self, count: usize) -> Result<&mut [Value], Halt> {
        let from = self.height.checked_sub(count).ok_or(INTERNAL)?;
        let taken = self.values.get_mut(from..self.height).ok_or(INTERNAL)?;
        self.height = from;
        Ok(taken)
    }
}
