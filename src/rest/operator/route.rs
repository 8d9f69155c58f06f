//! The operator's route table.

use crate::wire::route::Resource;

/// A resource and its method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rest) enum Route {
    Health,
    Readiness,
    Description,
    Agents,
    Agent { agent: String },
    Readers { agent: String },
    ForgetReader { agent: String, name: String },
    Audit,
}

/// The operator's resources.
#[rustfmt::skip]
pub(in crate::rest) const TABLE: &[Resource<Route>] = &[
    Resource { path: "/healthz", methods: &[("GET", |_| Route::Health)] },
    Resource { path: "/readyz", methods: &[("GET", |_| Route::Readiness)] },
    Resource { path: "/openapi.json", methods: &[("GET", |_| Route::Description)] },
    Resource { path: "/Gateway/v1/Agents", methods: &[("GET", |_| Route::Agents)] },
    Resource { path: "/Gateway/v1/Agents/{agentId}", methods: &[("GET", |v| Route::Agent { agent: v.0 })] },
    Resource { path: "/Gateway/v1/Agents/{agentId}/Readers", methods: &[("GET", |v| Route::Readers { agent: v.0 })] },
    Resource { path: "/Gateway/v1/Agents/{agentId}/Readers/{name}", methods: &[
        ("DELETE", |v| Route::ForgetReader { agent: v.0, name: v.1 })] },
    Resource { path: "/Gateway/v1/Audit", methods: &[("GET", |_| Route::Audit)] },
];

impl Route {
    /// Whether it needs no token.
    pub(in crate::rest) fn is_public(&self) -> bool {
        matches!(self, Route::Health | Route::Readiness | Route::Description)
    }
}
