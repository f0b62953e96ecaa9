use super::*;
use crate::source::Sources;
