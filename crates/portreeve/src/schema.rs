//! The JSON Schema of every document that portreeve writes or reads (A26).

use portreeve_core::{facts::Snapshot, policy, words::Words};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use crate::{
    commands::{ls::follow::EventView, why::view::WhyView},
    show::{
        audit::FindingsView,
        check::CheckView,
        claim::{AgainView, ClaimedView, ClaimsView, MistakeView, RefusalView},
        diff::DiffView,
        doctor::DoctorView,
        explain::ExplainView,
        exposure::{ExposureView, trace::TracesView},
        guard::{GuardView, refused::RefusalsView},
        patches::PatchesView,
        plan::PlanView,
        registry::{AssignmentView, RegistryView, TableView},
        scan::ScanView,
        steer::SteerView,
        view::ListenersView,
        watch::{WatchView, status::StatusView, suspect::SuspectView},
    },
};

/// A document that has a schema.
#[derive(Debug)]
pub(crate) struct Document {
    /// What `portreeve schema` calls it.
    pub(crate) name: &'static str,
    /// Which command writes or reads it.
    pub(crate) about: Words,
    /// Its schema.
    pub(crate) schema: fn() -> Value,
}

/// Every document, in the order in which a reader meets them.
pub(crate) const DOCUMENTS: &[Document] = &[
    document::<ListenersView<'static, 'static>>("listeners", Words { en: "ls and who", ja: "ls と who" }),
    document::<EventView<'static>>(
        "event",
        Words { en: "ls --follow -o ndjson, a line", ja: "ls --follow -o ndjson の 1 行" },
    ),
    document::<WatchView<'static>>(
        "watch",
        Words { en: "watch -o ndjson, a line", ja: "watch -o ndjson の 1 行" },
    ),
    document::<StatusView<'static>>(
        "watch-status",
        Words { en: "watch status -o ndjson, its line", ja: "watch status -o ndjson の行" },
    ),
    document::<WhyView<'static>>("why", Words { en: "why", ja: "why" }),
    document::<SuspectView<'static>>(
        "suspect",
        Words { en: "why of an address", ja: "why にアドレスを指定した場合" },
    ),
    document::<ExposureView<'static>>("exposure", Words { en: "exposure", ja: "exposure" }),
    document::<TracesView<'static>>("trace", Words { en: "exposure --trace", ja: "exposure --trace" }),
    document::<ScanView<'static>>("scan", Words { en: "scan", ja: "scan" }),
    document::<PlanView<'static>>(
        "plan",
        Words { en: "plan, and apply reads it", ja: "plan(apply でも読み込み)" },
    ),
    document::<GuardView>("guard", Words { en: "guard status", ja: "guard status" }),
    document::<RefusalsView<'static>>("refusals", Words { en: "guard refused", ja: "guard refused" }),
    document::<SteerView<'static>>("steer", Words { en: "steer status", ja: "steer status" }),
    document::<FindingsView<'static>>("findings", Words { en: "audit", ja: "audit" }),
    document::<PatchesView<'static>>("patches", Words { en: "patches", ja: "patches" }),
    document::<CheckView<'static>>("check", Words { en: "check", ja: "check" }),
    document::<DiffView<'static>>("diff", Words { en: "diff", ja: "diff" }),
    document::<ExplainView<'static>>("explain", Words { en: "explain", ja: "explain" }),
    document::<ClaimedView<'static>>(
        "claim",
        Words { en: "claim, renew and release", ja: "claim、renew、release" },
    ),
    document::<ClaimsView<'static>>("claims", Words { en: "claims", ja: "claims" }),
    document::<AgainView>(
        "again",
        Words {
            en: "before each further list of claims --watch -o ndjson",
            ja: "claims --watch -o ndjson で 2 回目以降の一覧の前に出る行",
        },
    ),
    document::<RefusalView<'static>>(
        "refusal",
        Words { en: "what the ledger refuses", ja: "台帳による拒否" },
    ),
    document::<MistakeView<'static>>(
        "mistake",
        Words { en: "claim --batch, of a line that is no ask", ja: "claim --batch で読み取れない行" },
    ),
    document::<DoctorView>("doctor", Words { en: "doctor", ja: "doctor" }),
    document::<Snapshot>("snapshot", Words { en: "snapshot and --snapshot", ja: "snapshot と --snapshot" }),
    document::<TableView>("registry", Words { en: "registry show", ja: "registry show" }),
    document::<RegistryView<'static>>("assignments", Words { en: "registry list", ja: "registry list" }),
    document::<AssignmentView<'static>>(
        "assignment",
        Words { en: "registry list -o ndjson, a line", ja: "registry list -o ndjson の 1 行" },
    ),
    Document {
        name: "policy",
        about: Words { en: "the policy file (TOML)", ja: "policy ファイル(TOML)" },
        schema: || policy::schema().to_value(),
    },
];

const fn document<T: JsonSchema>(name: &'static str, about: Words) -> Document {
    Document { name, about, schema: schema_of::<T> }
}

/// What serde writes, not what it would read: fields that are always written are required.
fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}
