// Which states and transitions of a machine the paths of a model reach. A transition is named by the state it leaves, its
// event, and its place among the candidates for that event.
import { getAdjacencyMap, getStateNodes } from 'xstate/graph'
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import { traversal, type Model, type ModelEvent } from './models.ts'

export interface Reach {
  readonly states: ReadonlySet<string>
  readonly transitions: ReadonlySet<string>
}

/** Every state node, the root included. */
export function nodesOf(machine: AnyStateMachine): AnyStateNode[] {
  return [machine.root, ...getStateNodes(machine.root)]
}

/** Everything there is to reach. */
export function allOf(machine: AnyStateMachine): Reach {
  const nodes = nodesOf(machine)
  return {
    states: new Set(nodes.map(({ id }) => id)),
    transitions: new Set(nodes.flatMap(transitionsOf).map(([, name]) => name)),
  }
}

function transitionsOf(node: AnyStateNode): [AnyTransitionDefinition, string][] {
  return [...node.transitions].flatMap(([type, candidates]) =>
    candidates.map(
      (candidate, index) =>
        [candidate, `${node.id} on ${type} [${index}]`] as [AnyTransitionDefinition, string],
    ),
  )
}

/** What the model's events reach: each transition from a state to which a shortest path leads. */
export function reachOf(model: Model): Reach {
  const { machine } = model
  const names = new Map(nodesOf(machine).flatMap(transitionsOf))
  const states = new Set<string>()
  const transitions = new Set<string>()
  for (const [snapshot, event] of stepsOf(model)) {
    for (const { id } of snapshot._nodes) states.add(id)
    if (event === null) continue
    for (const taken of machine.getTransitionData(snapshot as never, event)) {
      transitions.add(names.get(taken) ?? `${taken.source.id} on ${taken.eventType} [unknown]`)
    }
  }
  return { states, transitions }
}

interface Stop {
  readonly state: AnyMachineSnapshot
  readonly transitions: Readonly<Record<string, { readonly event: ModelEvent }>>
}

/** Every state of the model with each event that it takes, and with none. */
function stepsOf(model: Model): [AnyMachineSnapshot, ModelEvent | null][] {
  const stops = model.searches.flatMap((happenings) => {
    const map = getAdjacencyMap(model.machine, traversal(model, happenings) as never)
    return Object.values(map as unknown as Record<string, Stop>)
  })
  return stops.flatMap(({ state, transitions }) => {
    const events = Object.values(transitions).map(({ event }) => event)
    return [null, ...events].map((event): [AnyMachineSnapshot, ModelEvent | null] => [state, event])
  })
}

/** What is there and not reached. */
export function missing(all: ReadonlySet<string>, reached: ReadonlySet<string>): string[] {
  return [...all].filter((name) => !reached.has(name)).sort()
}
