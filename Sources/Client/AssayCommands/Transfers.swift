/// Runs several transfers at a time.
enum Transfers {
    /// Does work for each item, at most `width` of them at once, and gives the results in the items' order.
    static func run<Item: Sendable, Result: Sendable>(
        _ items: [Item], width: Int, _ work: @escaping @Sendable (Int, Item) async throws -> Result
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var results: [Int: Result] = [:]
            for (index, item) in items.enumerated() {
                if index >= width, let (done, result) = try await group.next() { results[done] = result }
                group.addTask { (index, try await work(index, item)) }
            }
            for try await (done, result) in group { results[done] = result }
            return items.indices.compactMap { results[$0] }
        }
    }
}
