"""The shop's Admin API takes every query that the plugin sends."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace

import csai_integration_shopify
import graphql
import pytest
from csai_integration_shopify import product
from csai_integration_shopify.admin_api import Query
from csai_integration_shopify.store import POLICIES
from csai_integration_shopify.token import NOT_SET_UP
from csai_sdk import IntegrationError

from plugins.integrations.shopify.tests.schema import SCHEMA, refusals
from plugins.integrations.shopify.tests.shop import make_product, visit


def queries() -> list[Query]:
    """Those of all the plugin's modules."""
    names = [each.name for each in pkgutil.iter_modules(csai_integration_shopify.__path__)]
    modules = [importlib.import_module(f"csai_integration_shopify.{name}") for name in names]
    found = [each for module in modules for each in vars(module).values() if isinstance(each, Query)]
    return sorted(set(found), key=lambda query: query.name)


class Asked(graphql.Visitor):
    """The fields that a document asks for, as `Order.name`."""

    def __init__(self, types: graphql.TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.fields: set[str] = set()

    def enter_field(self, node: graphql.FieldNode, *_: object) -> None:
        self.fields.add(f"{self._types.get_parent_type()}.{node.name.value}")


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_a_query_is_valid_and_is_what_it_is_called(query: Query) -> None:
    assert refusals(query.document, query.name) == []

    (operation,) = graphql.parse(query.document).definitions
    assert isinstance(operation, graphql.OperationDefinitionNode)
    (root,) = operation.selection_set.selections
    assert isinstance(root, graphql.FieldNode)
    assert root.name.value == query.root


def test_the_excerpt_holds_what_is_asked_and_no_more() -> None:
    types = graphql.TypeInfo(SCHEMA)
    asked = Asked(types)
    for query in queries():
        graphql.visit(graphql.parse(query.document), graphql.TypeInfoVisitor(types, asked))

    held = {
        f"{each.name}.{name}"
        for each in SCHEMA.type_map.values()
        if isinstance(each, graphql.GraphQLObjectType) and not each.name.startswith("__")
        for name in each.fields
    }
    assert asked.fields == held


def test_the_policies_that_a_model_may_name_are_all_that_there_are() -> None:
    kinds = SCHEMA.type_map["ShopPolicyType"]

    assert isinstance(kinds, graphql.GraphQLEnumType)
    assert {policy.upper() for policy in POLICIES} == set(kinds.values)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("publishedAt", "publishdAt"),
        ("truncateAt", "truncatedAt"),
        ("first: $first", "first: $query"),
        ("RELEVANCE", "RELEVANT"),
        ("pageInfo { hasNextPage }", "pageInfo"),
        ("$first: Int!", "$first: Boolean!"),
        ("query FindProducts", "query FindProduct"),
        ("hasNextPage }", "hasNextPage"),
    ],
)
async def test_the_shop_refuses_what_is_not_valid(
    right: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = product.PRODUCTS.document
    assert right in document
    monkeypatch.setattr(
        product, "PRODUCTS", replace(product.PRODUCTS, document=document.replace(right, wrong))
    )
    async with visit() as at:
        at.shop.products = [make_product("Blue mug", "blue-mug", 1)]

        with pytest.raises(IntegrationError) as caught:
            await at.fetch("find_products", text="mug")

    assert (str(caught.value), caught.value.retryable) == (NOT_SET_UP, False)


@pytest.mark.parametrize(
    "wrong", [{}, {"identifier": None}, {"identifier": {"handel": "mug"}}, {"identifier": {"handle": 1}}]
)
def test_variables_of_another_type_are_refused(wrong: dict[str, object]) -> None:
    document = product.PRODUCT.document

    assert refusals(document, "Product", {"identifier": {"handle": "mug"}}) == []
    assert refusals(document, "Product", wrong) != []
