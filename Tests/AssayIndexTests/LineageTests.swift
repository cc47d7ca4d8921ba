import AssayDomain
import AssayIndex
import AssayRegistry
import Testing

struct LineageTests {
    private func node(_ reference: String) throws -> LineageNode {
        let reference = try Reference(parsing: reference)
        guard case .tag(.number(let number)) = reference.selector else {
            throw AssayError(.referenceInvalid, "a test names versions by number")
        }
        return .version(reference.repository, number)
    }

    private func edge(_ from: String, _ relation: LineageRelation, _ to: String) throws -> LineageEdge {
        LineageEdge(from: try node(from), to: try node(to), relation: relation)
    }

    /// data:1 <- base:1 <- tuned:1 <- small:1, and small:1 also trained on data:1.
    private func fill(_ index: SQLiteIndex) async throws {
        try await index.push(1, to: "data", kind: .dataset)
        try await index.push(
            2, to: "base", tag: "stable", metadata: VersionMetadata(runId: "run-1"), lineage: [(.trainedOn, "data:1")])
        try await index.push(3, to: "tuned", lineage: [(.fineTunedFrom, "base:stable")])
        try await index.push(
            4, to: "small", lineage: [(.quantizedFrom, "tuned@\(digest(1_000_003))"), (.trainedOn, "data:1")])
    }

    @Test func `ancestors come nearest first, each edge once`() async throws {
        try await withIndex { index in
            try await fill(index)
            let graph = try await index.lineage(
                of: try node("small:1"), direction: .ancestors, depth: 10, edgesMax: 100)
            let produced = LineageEdge(from: try node("base:1"), to: .run("run-1"), relation: .producedBy)
            #expect(
                try Set(graph.edges.prefix(2)) == [
                    edge("small:1", .quantizedFrom, "tuned:1"), edge("small:1", .trainedOn, "data:1"),
                ])
            #expect(try graph.edges[2] == edge("tuned:1", .fineTunedFrom, "base:1"))
            #expect(try Set(graph.edges[3...]) == [edge("base:1", .trainedOn, "data:1"), produced])
            #expect(!graph.isTruncated)
        }
    }

    @Test func `descendants are found from data and from a run`() async throws {
        try await withIndex { index in
            try await fill(index)
            let fromData = try await index.lineage(
                of: try node("data:1"), direction: .descendants, depth: 10, edgesMax: 100)
            #expect(fromData.edges.count == 4)
            #expect(
                try Set(fromData.edges.prefix(2)) == [
                    edge("small:1", .trainedOn, "data:1"), edge("base:1", .trainedOn, "data:1"),
                ])
            let fromRun = try await index.lineage(of: .run("run-1"), direction: .descendants, depth: 1, edgesMax: 100)
            #expect(
                fromRun.edges == [
                    LineageEdge(from: try node("base:1"), to: .run("run-1"), relation: .producedBy)
                ])
            #expect(fromRun.isTruncated)
        }
    }

    @Test(arguments: [
        (0, 100, 0, true), (1, 100, 2, true), (2, 100, 3, true), (3, 100, 5, false), (10, 5, 5, false),
        (10, 4, 4, true),
        (10, 1, 1, true), (10, 0, 0, true), (-1, -1, 0, true), (.max, .max, 5, false),
    ])
    func `a graph says when a limit cut it`(depth: Int, edgesMax: Int, count: Int, isTruncated: Bool) async throws {
        try await withIndex { index in
            try await fill(index)
            let graph = try await index.lineage(
                of: try node("small:1"), direction: .ancestors, depth: depth, edgesMax: edgesMax)
            #expect(graph.edges.count == count)
            #expect(graph.isTruncated == isTruncated)
        }
    }

    @Test func `a version cannot come from itself`() async throws {
        try await withIndex { index in
            try await fill(index)
            let onItself = await code { try await index.push(1, to: "data", lineage: [(.derivedFrom, "data:1")]) }
            let onResult = await code { try await index.push(1, to: "data", lineage: [(.derivedFrom, "small:1")]) }
            #expect(onItself == .lineageCycle)
            #expect(onResult == .lineageCycle)
            let graph = try await index.lineage(
                of: try node("data:1"), direction: .ancestors, depth: 9, edgesMax: 9)
            #expect(graph.edges.isEmpty)
        }
    }

    @Test func `lineage is added to content that is there already`() async throws {
        try await withIndex { index in
            try await index.push(1, to: "data", kind: .dataset)
            try await index.push(2, to: "model")
            #expect(try await index.relations(of: try node("model:1")).isEmpty)
            let again = try await index.push(2, to: "model", lineage: [(.trainedOn, "data:1")])
            #expect(!again.isNew)
            try await index.push(
                2, to: "model", metadata: VersionMetadata(runId: "late"), lineage: [(.trainedOn, "data:1")])
            #expect(try await index.relations(of: try node("model:1")) == [.trainedOn, .producedBy])
        }
    }

    @Test func `what is not there has no lineage`() async throws {
        try await withIndex { index in
            let graph = try await index.lineage(of: .run("none"), direction: .descendants, depth: 5, edgesMax: 5)
            #expect(graph.edges.isEmpty && !graph.isTruncated)
            #expect(try await index.relations(of: try node("none:1")).isEmpty)
        }
    }
}
