//! Alarms as CloudWatch evaluates them.
