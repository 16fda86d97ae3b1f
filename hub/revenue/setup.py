"""What the set-up asks of revenue."""

from __future__ import annotations

from hub.registry.setup import SetupState, SetupStep, setup_steps
from hub.revenue.models import ContractLine, Entitlement


def lines() -> SetupState:
    there = ContractLine.objects.exists()
    return SetupState(int(there), 1, "contract lines are there" if there else "no contract line yet")


def allowances() -> SetupState:
    there = Entitlement.objects.exists()
    return SetupState(int(there), 1, "tiers say what they allow" if there else "no tier says what it allows")


def register() -> None:
    for step in (
        SetupStep(
            "contracts", "data", "Contract lines", "Without them there is neither NRR nor a renewal date.", lines,
            "imports:list", "Import", "imports.view", 20,
        ),
        SetupStep(
            "allowances", "definitions", "What each tier allows", "“Over 80%” needs to know of what.", allowances,
            "revenue:products", "Products", "record.view", 60,
        ),
    ):  # fmt: skip
        setup_steps.register(step)
