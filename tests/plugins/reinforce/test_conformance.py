"""Synapse, memory and tasks keep the promises of engram's conformance kit."""

from engram import Choice, Spec
from engram.testing import Case, parametrize_with_checks
from engram_reinforce import ArmedBandit, Bandit, GaussianPolicy, Reach, Reinforce

WORLD = {"observation": Spec(shape=(3,)), "action": Spec(shape=(2,))}
NGCLEARN = Reinforce(semantics="ngclearn-3.2", act_fx="sigmoid", mu_act_fx="tanh")


@parametrize_with_checks(
    [
        Reinforce(),
        Reinforce(baseline=0.1, scalar_stddev=0.3, mu_act_fx="relu", mu_out_max=1.0),
        Reinforce(connection_probability=0.5, scale=2.0),
        NGCLEARN,
        Case(GaussianPolicy(), observation=Spec(shape=(3,)), action=Choice(4)),
        Case(GaussianPolicy(synapse=Reinforce(baseline=0.1)), **WORLD),
        Case(GaussianPolicy(synapse=NGCLEARN, bias=True), **WORLD),
        Bandit(),
        Bandit(targets=(0.8, -1.0, 0.2), pulls=3, noise=0.1),
        ArmedBandit(),
        ArmedBandit(arms=(1.0, -1.0), pulls=3, noise=0.0),
        Reach(),
        Reach(dimensions=1, moves=2),
    ]
)
def test_conformance(check):
    check()
