// Names as sd gives them: sda .. sdz, sdaa ..; a path is its head's name, a colon, and its index.

const LETTERS = 26

/** 'sda' for 0, 'sdz' for 25, 'sdaa' for 26. */
export function diskName(index: number): string {
  let letters = ''
  for (let rest = index; rest >= 0; rest = Math.floor(rest / LETTERS) - 1) {
    letters = String.fromCharCode(97 + (rest % LETTERS)) + letters
  }
  return `sd${letters}`
}

/** 'sda:1' for the second path of sda. */
export function pathName(headName: string, index: number): string {
  return `${headName}:${index}`
}

/** The lowest integer from 0 that is not taken. */
export function lowestFree(taken: Iterable<number>): number {
  const used = new Set(taken)
  let index = 0
  while (used.has(index)) index += 1
  return index
}

/** The lowest index of a head whose disk has a name that is free too: a head of an earlier run keeps the name it had. */
export function freeHeadIndex(
  heads: readonly { readonly index: number; readonly name: string }[],
  firstDisk: number,
): number {
  return lowestFree(heads.flatMap(({ index, name }) => [index, diskIndex(name) - firstDisk]))
}

/** 2 for 'sdc': what {@link diskName} made the name of. */
export function diskIndex(name: string): number {
  let index = 0
  for (const letter of name.slice('sd'.length)) index = index * 26 + letter.charCodeAt(0) - 96
  return index - 1
}

/** How many disks there can be: the names sda to sdzzz, as many as sd takes. */
export const DISKS_MAX = 18_278

/** '8' of '8:0:0:0': the adapter a path hangs on. */
export function hostOf(hctl: string): string {
  return hctl.slice(0, hctl.indexOf(':'))
}
