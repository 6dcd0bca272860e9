/** Runs `act` over the items, at most `limit` at once; results keep the order of the items. Rejects with the first error. */
export async function mapBounded<T, R>(items: readonly T[], limit: number, act: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const queue = items.map((item, index) => ({ item, index }));
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results[next.index] = await act(next.item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
