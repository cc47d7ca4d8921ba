package import AssayDomain
import AssayRegistry
import GRDB

extension SQLiteIndex {
    /// A root that is not there has no edges.
    package func lineage(
        of root: LineageNode, direction: LineageGraph.Direction, depth: Int, edgesMax: Int
    ) async throws -> LineageGraph {
        try await read { database in
            // A version all of whose sources lie elsewhere has no node; no node has the id 0.
            let id = try database.node(of: root) ?? 0
            var walk = LineageWalk(direction: direction, edgesMax: IndexLimits.rows(edgesMax))
            try walk.run(from: (id, root), depth: max(depth, 0), in: database)
            return LineageGraph(
                root: root, direction: direction, edges: walk.edges, isTruncated: walk.isTruncated)
        }
    }

}

/// What a lineage node stands for, by row id or name.
enum LineageKey {
    case version(Int64)
    case run(String)
}

/// A breadth-first walk that looks at each node once, so its cost is bounded by the edges it gives.
///
/// A recursive query would have to visit a node once per distance to find the nearest, which a dense graph punishes.
private struct LineageWalk {
    typealias Node = (id: Int64, node: LineageNode)

    let direction: LineageGraph.Direction
    let edgesMax: Int
    private(set) var edges: [LineageEdge] = []
    private(set) var isTruncated = false
    private var seen: Set<Int64> = []

    init(direction: LineageGraph.Direction, edgesMax: Int) {
        self.direction = direction
        self.edgesMax = edgesMax
    }

    mutating func run(from root: Node, depth: Int, in database: Database) throws {
        var level = [root]
        seen = [root.id]
        var step = 0
        while !level.isEmpty, !isTruncated {
            let isBeyond = step == depth
            var next: [Node] = []
            for node in level where !isTruncated {
                next += try expand(node, limit: isBeyond ? 0 : edgesMax - edges.count, in: database)
            }
            level = next
            step += 1
        }
    }

    /// Takes the edges of one node up to the limit and gives the nodes seen for the first time.
    private mutating func expand(_ node: Node, limit: Int, in database: Database) throws -> [Node] {
        let neighbours = try database.neighbours(of: node.id, direction, limit: limit + 1)
        isTruncated = neighbours.count > limit
        if direction == .ancestors, !isTruncated {
            let externals = try database.externals(of: node.node, limit: limit - neighbours.count + 1)
            isTruncated = externals.count > limit - neighbours.count
            for source in externals.prefix(limit - neighbours.count) {
                edges.append(
                    LineageEdge(
                        from: node.node, to: .external(source.name, source.digest), relation: source.relation))
            }
        }
        var new: [Node] = []
        for neighbour in neighbours.prefix(limit) {
            let isAncestor = direction == .ancestors
            edges.append(
                LineageEdge(
                    from: isAncestor ? node.node : neighbour.node, to: isAncestor ? neighbour.node : node.node,
                    relation: neighbour.relation))
            if seen.insert(neighbour.id).inserted { new.append((neighbour.id, neighbour.node)) }
        }
        return new
    }
}

extension Database {
    /// The row id of a node, made if there is none.
    func makeNode(_ key: LineageKey, at: Timestamp) throws -> Int64 {
        switch key {
        case .version(let id):
            try insertVersionNode(id)
            guard let node = try versionNode(id) else { throw IndexFault.unreadable("a lineage node") }
            return node
        case .run(let name):
            try insertRun(name, at: at)
            try insertRunNode(name)
            guard let node = try runNode(name) else { throw IndexFault.unreadable("a lineage node") }
            return node
        }
    }

    /// Whether `to` is `from` or one of its ancestors.
    func reaches(_ from: Int64, _ to: Int64) throws -> Bool {
        guard from != to else { return true }
        // Most versions are new and nothing comes from them yet: then no walk is needed, however deep the ancestry is.
        guard try hasResults(to) else { return false }
        return try exists(HotStatement.lineageReaches.rawValue, ["from": from, "to": to])
    }

    func insertEdge(from: Int64, to: Int64, _ relation: LineageRelation, at: Timestamp) throws {
        try run(
            """
            INSERT INTO lineage_edges (from_id, to_id, relation, created_at) VALUES (?, ?, ?, ?)
            ON CONFLICT (from_id, to_id, relation) DO NOTHING
            """, [from, to, relation.rawValue, at.milliseconds])
    }

    /// Adds an edge; false, and nothing is added, if it would close a circle.
    func addEdge(
        from versionID: Int64, to source: LineageKey, _ relation: LineageRelation, at: Timestamp
    ) throws -> Bool {
        let from = try makeNode(.version(versionID), at: at)
        let to = try makeNode(source, at: at)
        guard try !reaches(to, from) else { return false }
        try insertEdge(from: from, to: to, relation, at: at)
        return true
    }

    /// Adds what provenance says: an edge to each source that is a version here, and the rest as sources elsewhere.
    ///
    /// A statement that would make a version come from itself is kept, and tells nothing.
    func addOrigin(_ origin: Origin, of versionID: Int64, at: Timestamp) throws {
        for source in origin.sources {
            if let found = try version(of: source) {
                _ = try addEdge(from: versionID, to: .version(found), source.relation, at: at)
            } else {
                try insertExternal(source, of: versionID, at: at)
            }
        }
        if let run = origin.runID { _ = try addEdge(from: versionID, to: .run(run), .producedBy, at: at) }
    }

    /// Turns what others were said to come from, by this digest, into edges to the version that now is here.
    func adopt(_ versionID: Int64, of digest: Digest, at: Timestamp) throws {
        let results: [(id: Int64, relation: LineageRelation)] = try all(
            HotStatement.externalResults.rawValue, [digest.description]
        ) { row in (try row.integer(0), try row.word(1)) }
        for result in results {
            _ = try addEdge(from: result.id, to: .version(versionID), result.relation, at: at)
        }
        if !results.isEmpty { try run("DELETE FROM external_sources WHERE digest = ?", [digest.description]) }
    }

    /// The version of a source's digest, best in the repository that its name says.
    private func version(of source: LineageSource) throws -> Int64? {
        let name = source.name.prefix { $0 != ":" && $0 != "@" }
        if let name = try? RepositoryName(parsing: name),  // Another tool may call it anything.
            let repository = try repositoryRow(name), let found = try versionRow(source.digest, in: repository.id)
        {
            return found.id
        }
        return try first(HotStatement.versionOfDigest.rawValue, [source.digest.description]) { try $0.integer(0) }
    }

    private func insertExternal(_ source: LineageSource, of versionID: Int64, at: Timestamp) throws {
        try run(
            """
            INSERT INTO external_sources (version_id, relation, digest, name, created_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (version_id, relation, digest) DO NOTHING
            """,
            [versionID, source.relation.rawValue, source.digest.description, source.name, at.milliseconds])
    }

    /// Sources of a version that lie elsewhere.
    fileprivate func externals(of node: LineageNode, limit: Int) throws -> [LineageSource] {
        guard case .version(let repository, let number) = node else { return [] }
        return try all(HotStatement.externalSources.rawValue, [repository.text, number.value, limit]) { row in
            LineageSource(relation: try row.word(0), name: try row.text(1), digest: try row.digest(2))
        }
    }

    fileprivate func node(of node: LineageNode) throws -> Int64? {
        switch node {
        case .version(let repository, let number):
            try first(HotStatement.versionNode.rawValue, [repository.text, number.value]) { try $0.integer(0) }
        case .run(let name): try runNode(name)
        case .external: nil
        }
    }

    fileprivate func neighbours(
        of id: Int64, _ direction: LineageGraph.Direction, limit: Int
    ) throws -> [(relation: LineageRelation, id: Int64, node: LineageNode)] {
        let statement: HotStatement = direction == .ancestors ? .lineageSources : .lineageResults
        return try all(statement.rawValue, [id, limit]) { row in
            let node: LineageNode =
                if let run = row[4] as String? { .run(run) } else {
                    .version(try row.repositoryName(2), try row.number(3))
                }
            return (try row.word(0), try row.integer(1), node)
        }
    }

    private func hasResults(_ id: Int64) throws -> Bool {
        try exists("SELECT 1 FROM lineage_edges WHERE to_id = ? LIMIT 1", [id])
    }

    private func versionNode(_ versionID: Int64) throws -> Int64? {
        try first("SELECT id FROM lineage_nodes WHERE version_id = ?", [versionID]) { try $0.integer(0) }
    }

    private func runNode(_ name: String) throws -> Int64? {
        try first(HotStatement.runNode.rawValue, [name]) { try $0.integer(0) }
    }

    private func insertVersionNode(_ versionID: Int64) throws {
        try run(
            "INSERT INTO lineage_nodes (version_id) VALUES (?) ON CONFLICT (version_id) DO NOTHING", [versionID])
    }

    private func insertRun(_ name: String, at: Timestamp) throws {
        try run(
            "INSERT INTO runs (name, created_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
            [name, at.milliseconds])
    }

    private func insertRunNode(_ name: String) throws {
        try run(
            """
            INSERT INTO lineage_nodes (run_id) SELECT id FROM runs WHERE name = ?
            ON CONFLICT (run_id) DO NOTHING
            """, [name])
    }
}
