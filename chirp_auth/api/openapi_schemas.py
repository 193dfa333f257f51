"""Schemas in the OpenAPI document: the contracts' models, in a form that generated clients read well."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core.core_schema import WithDefaultSchema

from chirp_auth import errors
from chirp_auth.api import dialects
from chirp_auth.api.dialect import Dialect


class _Schemas(GenerateJsonSchema):
    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """Leave `"default": null` out: clients with types would send the null."""
        json_schema = super().default_schema(schema)
        if json_schema.get("default", ...) is None:
            del json_schema["default"]
        return json_schema

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave titles of members out: they repeat the name, and generated code shows them."""
        return False


def schemas() -> dict[str, Any]:
    """Return the schema of every model that a call takes or gives, by name."""
    models: dict[type[BaseModel], JsonSchemaMode] = {}
    for dialect in dialects.ALL:
        models[refusal_model(dialect)] = "serialization"
        for route in dialect.routes:
            models |= {model: "serialization" for model in route.answers.values() if model}
            if route.body:
                models[route.body] = "validation"
    _, schema = models_json_schema(
        list(models.items()), ref_template="#/components/schemas/{model}", schema_generator=_Schemas
    )
    return dict(sorted(schema["$defs"].items()))


def refusal_model(dialect: Dialect) -> type[BaseModel]:
    """Return the model of every refusal of this contract."""
    return type(dialect.refusal(errors.NotFound(), ""))


def ref(model: type[BaseModel]) -> dict[str, str]:
    """Return the reference to a model's schema."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}
