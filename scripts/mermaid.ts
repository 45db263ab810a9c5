// A machine as a Mermaid state diagram, drawn from its definition: a box for each region, the guard of a transition in
// brackets, what it asks of the world behind the slash. What it only notes in its context is not drawn.
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate'

type Computed = (scope: { context: unknown; event: object }) => object
type Action = string | { readonly type?: string; readonly params?: object | Computed }

/** The text of a `.mmd` file. `about` says in a sentence whose life it is. */
export function mermaidOf(machine: AnyStateMachine, about: string): string {
  const { root } = machine
  const regions = root.type === 'parallel' ? childrenOf(root) : []
  const lines = [
    `%% ${about}`,
    '%% Generated from machines/ by `npm run diagrams`; do not edit.',
    '%% Read an edge as: event [guard] / what the engine does then.',
    ...(regions.length > 1
      ? [`%% The boxes live side by side: ${regions.map(({ key }) => key).join(', ')}.`]
      : []),
    'stateDiagram-v2',
    ...(regions.length > 0 ? parallel(machine, regions) : box(machine, root)).map(indent),
  ]
  return `${lines.join('\n')}\n`
}

function parallel(machine: AnyStateMachine, regions: readonly AnyStateNode[]): string[] {
  const boxes = regions.flatMap((region) => [
    `state "${region.key}" as ${idOf(region)} {`,
    ...['direction TB', ...box(machine, region)].map(indent),
    '}',
  ])
  return [...boxes, ...anywhere(machine, machine.root, 'in whatever state')]
}

/** The states of a region with everything that happens in it. */
function box(machine: AnyStateMachine, region: AnyStateNode): string[] {
  const states = childrenOf(region)
  const initial = region.initial.target.map((target) => `[*] --> ${idOf(target)}`)
  return [
    ...states.map((state) => `state "${state.key}" as ${idOf(state)}`),
    ...states.flatMap((state) => described(machine, state)),
    ...initial,
    ...states.flatMap((state) => edges(machine, state, idOf(state))),
    ...anywhere(machine, region, 'any of these'),
  ]
}

/** Transitions that hold in every state below a node hang on a state of their own. */
function anywhere(machine: AnyStateMachine, node: AnyStateNode, title: string): string[] {
  const any = `${idOf(node)}_any`
  const lines = edges(machine, node, any)
  return lines.length === 0 ? [] : [`state "${title}" as ${any}`, ...lines]
}

function described(machine: AnyStateMachine, state: AnyStateNode): string[] {
  const line = (moment: string, actions: readonly Action[]) => {
    const effects = asked(machine, actions)
    return effects.length === 0 ? [] : [`${idOf(state)} : ${moment} / ${effects.join(', ')}`]
  }
  return [...line('entry', state.entry as Action[]), ...line('exit', state.exit as Action[])]
}

function edges(machine: AnyStateMachine, node: AnyStateNode, from: string): string[] {
  return [...node.transitions.values()].flat().flatMap((transition) => {
    const label = labelOf(machine, transition)
    const targets: readonly AnyStateNode[] = transition.target ?? []
    return targets.length === 0
      ? [`${from} --> ${from} : ${label}`]
      : targets.map((target) => `${from} --> ${idOf(target)} : ${label}`)
  })
}

function labelOf(machine: AnyStateMachine, { eventType, guard, actions }: AnyTransitionDefinition): string {
  const effects = asked(machine, actions as Action[])
  const condition = guard === undefined ? '' : ` [${worded(machine, guard as Action)}]`
  return `${eventType}${condition}${effects.length === 0 ? '' : ` / ${effects.join(', ')}`}`
}

/** The actions that are more than a note in the context, in order. */
function asked(machine: AnyStateMachine, actions: readonly Action[]): string[] {
  return actions.filter((action) => !isNote(machine, nameOf(action))).map((action) => worded(machine, action))
}

function isNote(machine: AnyStateMachine, name: string): boolean {
  const implementation: unknown = machine.implementations.actions[name]
  return (
    typeof implementation === 'function' &&
    'type' in implementation &&
    implementation.type === 'xstate.assign'
  )
}

/** 'startTimer probe', 'accessIs optimal': a name, and the words among its params; times and counts are not known yet. */
function worded(machine: AnyStateMachine, item: Action): string {
  const params = typeof item === 'string' ? {} : (item.params ?? {})
  const before = { context: machine.config.context as unknown, event: {} }
  const known = isComputed(params) ? params(before) : params
  const words = Object.values(known).filter((value) => typeof value === 'string')
  return [nameOf(item), ...words].join(' ')
}

function isComputed(params: object): params is Computed {
  return typeof params === 'function'
}

/** Throws for an action or guard without a name: it could not be drawn, nor be read on the ledger. */
function nameOf(item: Action): string {
  const name = typeof item === 'string' ? item : item.type
  if (name === undefined) throw new Error('an action or a guard of a machine has no name')
  return name
}

function childrenOf(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states)
}

/** 'path_device_running': Mermaid wants names without dots. */
function idOf({ machine, path }: AnyStateNode): string {
  return [machine.id, ...path].join('_')
}

function indent(line: string): string {
  return `  ${line}`
}
