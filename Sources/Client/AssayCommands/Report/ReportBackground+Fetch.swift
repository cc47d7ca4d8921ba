import APIProtocol
import AssayClient
import AssayDomain
import AssayReport

extension ReportBackground {
    /// The most aliases of a version whose moves are looked for.
    private static let aliasesMax = 10

    /// What a registry tells of a version's origin and use; keys are called as `root` calls them.
    static func fetch(of version: Version, root: TrustRoot, client: AssayClient) async throws -> ReportBackground {
        var background = ReportBackground()
        background.keyNames = Dictionary(root.keys.map { ($0.id, $0.name) }) { first, _ in first }
        background.sources = ComparedVersion.Source.all(
            in: try await client.lineage(of: version.reference, direction: .ancestors, depth: 1))
        for alias in version.aliases.prefix(aliasesMax) {
            let reference = Reference(version.repository, alias)
            guard let move = try await client.aliasMoves(of: reference, limit: 1).items.first,
                move.to == version.number
            else { continue }
            background.moves.append(
                Move(
                    alias: alias, cause: move.cause, at: move.at, actor: move.actor,
                    logEntry: try await logEntry(of: move, client)))
        }
        return background
    }

    private static func logEntry(of move: AliasMove, _ client: AssayClient) async throws -> Int64? {
        let entries = try await client.auditEntries(
            kind: .alias, repository: move.repository, since: move.at,
            until: Timestamp(milliseconds: move.at.milliseconds + 1), limit: Pages.itemsMax)
        return entries.items.first {
            $0.entry.text(.alias)?.isExactly(move.name.text) ?? false && $0.entry.number(.to) == move.to?.value
        }?.index
    }
}
