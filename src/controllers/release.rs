//! Letting go of fields: they keep their values, and stop being the operator's. Nothing is decided here.
//!
//! Leaving a field out of an apply deletes it when nobody else holds it. So before a shorter apply, `metadata.managedFields`
//! is rewritten without it; the API server then has nobody to take it from. Neither the value nor the generation moves.

use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::json;

use super::{
    client::{CallError, call},
    managed_fields::released,
};
use crate::sync::{
    field::{FieldSet, WrittenField},
    observed::Version,
};

/// What letting go came to.
#[derive(Debug)]
pub enum Released {
    /// The object as it is now.
    Rewritten(Box<DynamicObject>),
    /// There was nothing to let go of.
    Unchanged,
}

/// Lets go of `fields` in this version of an object. Another version is a conflict, as with any write.
pub async fn release<F: WrittenField>(
    api: &Api<DynamicObject>,
    name: &str,
    version: &Version,
    fields: FieldSet<F>,
) -> Result<Released, CallError> {
    let object = call(api.get_metadata(name)).await?;
    if object.uid().as_deref() != Some(&*version.uid)
        || object.resource_version().as_deref() != Some(&*version.resource_version)
    {
        return Err(CallError::Refused {
            code: 409,
            reason: "Conflict".to_owned(),
            message: format!("{name} has changed since it was read"),
        });
    }
    let Some(entries) = released(object.managed_fields(), fields) else {
        return Ok(Released::Unchanged);
    };
    let patch = serde_json::from_value(json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": version.resource_version},
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
    ]))
    .map_err(|error| CallError::Reach(kube::Error::SerdeError(error)))?;
    let rewritten = call(api.patch(name, &PatchParams::default(), &Patch::<()>::Json(patch))).await?;
    Ok(Released::Rewritten(Box::new(rewritten)))
}
