//! Our job types, one file each. `automod` finds them; nobody lists them.

automod::dir!(pub "src/jobs");
