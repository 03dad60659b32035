/** The place in line, in words. */
export function inLine(position: number, waiting: number, estimate: number): string {
  const place = `All machines are in use; you are ${position === 1 ? "next" : `number ${position} of ${waiting}`} in line`;
  if (estimate < 0) return `${place}.`;
  return estimate < 60 ? `${place}: less than a minute.` : `${place}: about ${Math.ceil(estimate / 60)} min.`;
}
