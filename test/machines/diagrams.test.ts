// The drawings in docs/ are the machines: neither changes without the other.
import { describe, expect, test } from 'vitest'
import { assign, setup } from 'xstate'
import { drawings, machineDrawings } from '../../scripts/drawings.ts'
import { committed } from '../../scripts/generated.ts'
import { mermaidOf } from '../../scripts/mermaid.ts'
import { nodesOf } from './coverage.ts'
import { MODELS } from './models.ts'

const drawn = machineDrawings()

test('there is a drawing of every machine', () => {
  expect(Object.keys(drawn).sort()).toEqual(MODELS.map(({ name }) => `docs/${name}.mmd`).sort())
})

test('docs/rooms.mmd is what the imports say (npm run diagrams)', () => {
  const text = drawings()['docs/rooms.mmd'] ?? ''
  expect(committed('docs/rooms.mmd')).toBe(text)
  expect(text).toContain('engine_io --> engine_select')
  expect(text).not.toContain('machines --> engine')
})

describe.each(MODELS)('docs/$name.mmd', ({ name, machine }) => {
  const text = drawn[`docs/${name}.mmd`] ?? ''
  const lines = text.split('\n').map((line) => line.trim())

  test('is what the machine says (npm run diagrams)', () => {
    expect(committed(`docs/${name}.mmd`)).toBe(text)
  })

  test('shows every state and every transition', () => {
    const nodes = nodesOf(machine)
    const atoms = nodes
      .filter(({ type }) => type === 'atomic')
      .map(({ path }) => [machine.id, ...path].join('_'))
    expect(atoms.filter((id) => !lines.some((line) => line.endsWith(`as ${id}`)))).toEqual([])
    const transitions = nodes.flatMap((node) => [...node.transitions.values()].flat())
    expect(lines.filter((line) => /^\w+ --> \w+ : /.test(line))).toHaveLength(transitions.length)
  })

  test('is Mermaid: plain names, each declared, and no colon or semicolon within a label', () => {
    const labels = lines
      .filter((line) => line.includes(' : '))
      .map((line) => line.slice(line.indexOf(' : ') + 3))
    expect(labels.length).toBeGreaterThan(5)
    expect(labels.filter((label) => /[:;]/.test(label))).toEqual([])
    const declared = new Set(lines.flatMap((line) => /^state ".*" as (\w+)/.exec(line)?.[1] ?? []))
    const used = lines.flatMap((line) => /^(\w+|\[\*\]) --> (\w+)/.exec(line)?.slice(1, 3) ?? [])
    expect(used.filter((id) => id !== '[*]' && !declared.has(id))).toEqual([])
  })
})

test('a drawing shows guards, effects and timers, and leaves out what is only noted', () => {
  const made = setup({
    guards: { may: () => true, is: (_scope, _params: { word: string }) => true },
    actions: {
      ring: () => undefined,
      note: assign({}),
      startTimer: (_scope, _params: { timer: string; dueUs: number }) => undefined,
    },
  }).createMachine({
    id: 'bell',
    initial: 'still',
    on: { look: { actions: 'note' } },
    states: {
      still: {
        on: {
          pull: [
            { guard: 'may', target: 'swinging', actions: ['note', 'ring'] },
            {
              guard: { type: 'is', params: { word: 'heavy' } },
              actions: { type: 'startTimer', params: () => ({ timer: 'rest', dueUs: 7 }) },
            },
          ],
        },
      },
      swinging: { entry: 'ring' },
    },
  })
  expect(mermaidOf(made, 'A bell.')).toBe(
    [
      '%% A bell.',
      '%% Generated from machines/ by `npm run diagrams`; do not edit.',
      '%% Read an edge as: event [guard] / what the engine does then.',
      'stateDiagram-v2',
      '  state "still" as bell_still',
      '  state "swinging" as bell_swinging',
      '  bell_swinging : entry / ring',
      '  [*] --> bell_still',
      '  bell_still --> bell_swinging : pull [may] / ring',
      '  bell_still --> bell_still : pull [is heavy] / startTimer rest',
      '  state "any of these" as bell_any',
      '  bell_any --> bell_any : look',
      '',
    ].join('\n'),
  )
})
