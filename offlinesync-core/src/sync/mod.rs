//! The engine: list, difference, plan, brake, execute, record, report.
