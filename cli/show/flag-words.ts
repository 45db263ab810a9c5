// What a path's state does not say, in words.
import type { PathFlags } from '../../index.ts'

/** One phrase for each flag that is set. */
export function flagWords({ override, waiting, heldBack, goingAway, silent }: PathFlags): string[] {
  return [
    ...(override === 'on' ? ['its operator is overridden: every other path failed'] : []),
    ...(heldBack ? ['waits for its failback'] : []),
    ...(waiting ? ['I/O waits for it'] : []),
    ...(silent === true ? ['answers nothing while another path does'] : []),
    ...(goingAway ? ['is being taken away'] : []),
  ]
}
