//! fedlint: a static linter for workload identity federation.
//!
//! ```text
//! files -> syntax trees -> (Terraform evaluation) -> readers -> trust graph -> links -> gate (+ admission engine) -> rules -> findings -> reports
//! source   syntax          terraform                 readers    graph                   gate    admission, issuers  rules                report
//! ```
//! Most people want the command line. The library answers the one question behind `fedlint check`: which identities
//! can be assumed by somebody who should not, and which trusts let nobody in.
//!
//! ```
//! use fedlint::{Input, Request, RuleId, Severity, check};
//!
//! let policy = r#"{
//!   "Version": "2012-10-17",
//!   "Statement": [{
//!     "Effect": "Allow",
//!     "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
//!     "Action": "sts:AssumeRoleWithWebIdentity",
//!     "Condition": {
//!       "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
//!       "StringLike": {"token.actions.githubusercontent.com:sub": "repo:octo*"}
//!     }
//!   }]
//! }"#;
//! let files = vec![("trust.json".to_owned(), policy.to_owned())];
//! let run = check(&Request { input: Input::Memory(files), ..Request::default() })?;
//!
//! let finding = &run.findings[0];
//! assert_eq!((finding.rule, finding.severity), (RuleId::TenantPrefix, Severity::Critical));
//! let file = run.sources.get(finding.span.file).ok_or("the file was read")?;
//! assert_eq!((file.path.as_str(), file.position(finding.span.start as usize).line), ("trust.json", 9));
//! // the proof: a token of somebody else's repository that is admitted
//! let subject = finding.witness.as_ref().and_then(|token| token.string("sub"));
//! assert!(subject.is_some_and(|s| s.starts_with("repo:octo")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Everything else is private, so that the compiler tells what nothing uses. The feature `internals` opens the modules
//! to the project's own tests and benchmarks; it promises nothing.
// Input is hostile: an index that is out of bounds would end the run. Tests may index.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]
// Within a private module `pub` says what the module shows to the crate.
#![cfg_attr(not(feature = "internals"), allow(unreachable_pub))]

#[cfg(not(feature = "internals"))]
mod place;
#[cfg(feature = "internals")]
pub mod place;

#[cfg(not(feature = "internals"))]
mod calendar;
#[cfg(feature = "internals")]
pub mod calendar;

#[cfg(not(feature = "internals"))]
mod partial;
#[cfg(feature = "internals")]
pub mod partial;

#[cfg(not(feature = "internals"))]
mod token;
#[cfg(feature = "internals")]
pub mod token;

#[cfg(not(feature = "internals"))]
mod kinds;
#[cfg(feature = "internals")]
pub mod kinds;

#[cfg(not(feature = "internals"))]
mod source;
#[cfg(feature = "internals")]
pub mod source;

#[cfg(not(feature = "internals"))]
mod syntax;
#[cfg(feature = "internals")]
pub mod syntax;

#[cfg(not(feature = "internals"))]
mod terraform;
#[cfg(feature = "internals")]
pub mod terraform;

#[cfg(not(feature = "internals"))]
mod language;
#[cfg(feature = "internals")]
pub mod language;

#[cfg(not(feature = "internals"))]
mod issuers;
#[cfg(feature = "internals")]
pub mod issuers;

#[cfg(not(feature = "internals"))]
mod admission;
#[cfg(feature = "internals")]
pub mod admission;

#[cfg(not(feature = "internals"))]
mod graph;
#[cfg(feature = "internals")]
pub mod graph;

#[cfg(not(feature = "internals"))]
mod readers;
#[cfg(feature = "internals")]
pub mod readers;

#[cfg(not(feature = "internals"))]
mod gate;
#[cfg(feature = "internals")]
pub mod gate;

#[cfg(not(feature = "internals"))]
mod catalogue;
#[cfg(feature = "internals")]
pub mod catalogue;

#[cfg(not(feature = "internals"))]
mod config;
#[cfg(feature = "internals")]
pub mod config;

#[cfg(not(feature = "internals"))]
mod inventory;
#[cfg(feature = "internals")]
pub mod inventory;

#[cfg(not(feature = "internals"))]
mod rules;
#[cfg(feature = "internals")]
pub mod rules;

#[cfg(not(feature = "internals"))]
mod report;
#[cfg(feature = "internals")]
pub mod report;

#[cfg(not(feature = "internals"))]
mod pipeline;
#[cfg(feature = "internals")]
pub mod pipeline;

#[cfg(not(feature = "internals"))]
mod simulation;
#[cfg(feature = "internals")]
pub mod simulation;

#[cfg(not(feature = "internals"))]
mod difference;
#[cfg(feature = "internals")]
pub mod difference;

#[cfg(not(feature = "internals"))]
mod reach;
#[cfg(feature = "internals")]
pub mod reach;

#[cfg(not(feature = "internals"))]
mod cli;
#[cfg(feature = "internals")]
pub mod cli;

pub use catalogue::{Category, Confidence, RuleId, Severity};
pub use cli::main as command_line;
pub use config::{Config, ConfigError, GithubConfig, Ignore, IssuerConfig, Level, RuleConfig, TenantConfig};
pub use pipeline::{Input, Request, check};
pub use place::{FileId, Position, Span};
pub use report::{Cause, Coverage, Run, Setup, Skipped, Undecided};
pub use rules::baseline::Baseline;
pub use rules::engine::Selection;
pub use rules::{Edit, Finding, Related, Suppressed, SuppressedBy};
pub use source::walk::ScanError;
pub use source::{SourceFile, Sources};
pub use token::{Claim, Token};
