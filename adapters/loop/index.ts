// Loop devices as paths. How they are proved and what is refused: docs/loop-devices.md.
export { attachLoop, detachLoop } from '../helper/loops.ts'
export type { LoopCallSettings } from '../helper/loops.ts'
export type { AttachedLoop, AttachSettings } from './control.ts'
export { labelOf } from './label.ts'
export { listLoops } from './list.ts'
export type { LoopListing } from './list.ts'
export { loopPath } from './loop-path.ts'
export type { LoopPathSettings } from './loop-path.ts'
