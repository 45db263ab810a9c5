// A program, run in a process of its own: steps every machine along shortest paths of its model and prints a digest of
// all that was decided, and which file XState is: its development build is another one.
import { createHash } from 'node:crypto'
import { getShortestPaths } from 'xstate/graph'
import { MACHINES } from '../../machines/registry.ts'
import { MODELS, traversal, type ModelEvent } from './models.ts'

const digest = createHash('sha256')
for (const model of MODELS) {
  const machine = MACHINES[model.name]
  for (const { steps } of getShortestPaths(model.machine, traversal(model, model.few))) {
    let state = machine.initial()
    for (const { event } of (steps as readonly { readonly event: ModelEvent }[]).slice(1)) {
      const { type, atUs, ...data } = event
      const decided = machine.decide(state, { type, atUs, data })
      digest.update(JSON.stringify(decided))
      state = decided.state
    }
  }
}
process.stdout.write(
  JSON.stringify({
    digest: digest.digest('hex'),
    xstate: import.meta.resolve('xstate').replace(/^.*\//, ''),
  }),
)
