//! reference: the fields of a kind, by path. Knows the schema's shape, and no Markdown.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// A field of a kind.
#[derive(Clone, Debug)]
pub(super) struct Field<'s> {
    /// Where it is, such as `spec.users.groups[].dn`. `[]` is any entry of a list, `<field>` any key of a map.
    pub path: String,
    /// What it may be.
    pub schema: &'s JSONSchemaProps,
    /// Whether it must be written where the object around it is.
    pub is_required: bool,
}

impl Field<'_> {
    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }
}

/// What the values of a list or map are.
pub(super) enum Values<'s> {
    /// Entries of a list.
    Entries(&'s JSONSchemaProps),
    /// Values of a map.
    OfMap(&'s JSONSchemaProps),
}

impl<'s> Values<'s> {
    pub(super) fn of(schema: &'s JSONSchemaProps) -> Option<Self> {
        match (&schema.items, &schema.additional_properties) {
            (Some(JSONSchemaPropsOrArray::Schema(items)), _) => Some(Self::Entries(items)),
            (_, Some(JSONSchemaPropsOrBool::Schema(values))) => Some(Self::OfMap(values)),
            _ => None,
        }
    }

    pub(super) fn schema(&self) -> &'s JSONSchemaProps {
        match self {
            Self::Entries(schema) | Self::OfMap(schema) => schema,
        }
    }

    /// The path of one of them.
    pub(super) fn path(&self, path: &str) -> String {
        match self {
            Self::Entries(_) => format!("{path}[]"),
            Self::OfMap(_) => format!("{path}.<field>"),
        }
    }
}

/// The schema of all of an object.
pub(super) fn root(crd: &CustomResourceDefinition) -> Option<&JSONSchemaProps> {
    let version = crd.spec.versions.first()?;
    version.schema.as_ref()?.open_api_v3_schema.as_ref()
}

/// The fields right below a schema: what must be written first, then by name.
pub(super) fn children<'s>(path: &str, schema: &'s JSONSchemaProps) -> Vec<Field<'s>> {
    let required = schema.required.as_deref().unwrap_or_default();
    let fields = schema.properties.iter().flatten().map(|(name, schema)| Field {
        path: format!("{path}.{name}"),
        schema,
        // Nobody writes a status by hand.
        is_required: required.contains(name) && !path.starts_with("status"),
    });
    let mut fields: Vec<_> = fields.collect();
    fields.sort_by_key(|field| !field.is_required);
    fields
}

/// A field and all below it, in the order of reading. Conditions are Kubernetes' own and end there.
pub(super) fn all(field: Field<'_>) -> Vec<Field<'_>> {
    let (mut path, mut schema) = (field.path.clone(), field.schema);
    let mut found = vec![field];
    if is_conditions(&path) {
        return found;
    }
    if let Some(values) = Values::of(schema) {
        path = values.path(&path);
        schema = values.schema();
    }
    found.extend(children(&path, schema).into_iter().flat_map(all));
    found
}

/// Whether a field is `status.conditions`.
pub(super) fn is_conditions(path: &str) -> bool {
    path == "status.conditions"
}
