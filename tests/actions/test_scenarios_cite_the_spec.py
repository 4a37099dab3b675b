"""Scenarios are written from the specs: each names the section that it plays."""

import importlib
import inspect
import pkgutil

import tests.actions


def test_every_scenario_names_its_section_of_the_spec() -> None:
    """Spec: none; this is about the others."""
    scenarios = {
        f"{module.name}.{name}": inspect.getdoc(function) or ""
        for module in pkgutil.iter_modules(tests.actions.__path__)
        if module.name.startswith("test_")
        for name, function in vars(importlib.import_module(f"tests.actions.{module.name}")).items()
        if name.startswith("test_") and inspect.isfunction(function)
    }
    assert [name for name, text in scenarios.items() if "Spec:" not in text] == []
    assert len(scenarios) > 150
