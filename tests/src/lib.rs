//! Whole-product test harness.
