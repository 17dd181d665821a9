//! Looks at Linux and changes it, never deciding.
