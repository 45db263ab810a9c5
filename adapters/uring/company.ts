// The rings of one event loop. To wait in the kernel for one of them is to keep the others waiting: so only a ring that is
// alone does.
import type { Turns } from '../ports.ts'

export class Company {
  #awake = 0

  /** Rings that have something in flight and look for it; those that sleep, as on a hung path, do not count. */
  get awake(): number {
    return this.#awake
  }

  enter(): void {
    this.#awake += 1
  }

  leave(): void {
    this.#awake -= 1
  }
}

const companies = new WeakMap<Turns, Company>()

/** The company of all rings whose event loop has these turns. */
export function companyOf(turns: Turns): Company {
  const known = companies.get(turns)
  if (known !== undefined) return known
  const made = new Company()
  companies.set(turns, made)
  return made
}
