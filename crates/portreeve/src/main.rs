//! What is on that port, and should it be?

fn main() {}
