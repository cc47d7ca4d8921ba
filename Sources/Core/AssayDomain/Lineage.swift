/// How one thing came from another; an edge points from the result to what it came from.
package enum LineageRelation: String, Sendable, Hashable, Codable, CaseIterable {
    case trainedOn = "trained-on"
    case producedBy = "produced-by"
    case derivedFrom = "derived-from"
    case fineTunedFrom = "fine-tuned-from"
    case quantizedFrom = "quantized-from"
    case distilledFrom = "distilled-from"
    case evaluatedOn = "evaluated-on"

    /// Whether its source must be a dataset.
    package var isOfData: Bool { self == .trainedOn || self == .evaluatedOn }

    /// The relation that `--derived-from … --as WORD` means.
    package init?(derivation word: String) {
        switch word {
        case "derived": self = .derivedFrom
        case "fine-tuned": self = .fineTunedFrom
        case "quantized": self = .quantizedFrom
        case "distilled": self = .distilledFrom
        default: return nil
        }
    }
}

/// What a version came from, by digest: as provenance tells it, whether or not a repository here has it.
package struct LineageSource: Sendable, Hashable {
    package let relation: LineageRelation
    /// How it was called where that was said, such as `team/payments:4`.
    package let name: String
    /// Of the source's manifest.
    package let digest: Digest

    package init(relation: LineageRelation, name: String, digest: Digest) {
        self.relation = relation
        self.name = name
        self.digest = digest
    }
}

/// A thing in the lineage graph.
package enum LineageNode: Sendable, Hashable {
    case version(RepositoryName, VersionNumber)
    /// Something that no repository here has, by the name that it was given and its digest.
    case external(String, Digest)
    /// A training run, by its id.
    case run(String)

    /// `team/fraud:3`, `run ID`, or `team/payments:4 (elsewhere, 4af1…)`
    package var label: String {
        switch self {
        case .version(let repository, let number): "\(repository):\(number)"
        case .run(let id): "run \(id)"
        case .external(let name, let digest): "\(name) (elsewhere, \(digest.short))"
        }
    }
}

package struct LineageEdge: Sendable, Hashable {
    /// The result.
    package let from: LineageNode
    /// What it came from.
    package let to: LineageNode
    package let relation: LineageRelation

    package init(from: LineageNode, to: LineageNode, relation: LineageRelation) {
        self.from = from
        self.to = to
        self.relation = relation
    }
}

/// What a push declares of a version's origin.
package struct LineageDeclaration: Sendable, Hashable, Codable {
    package let relation: LineageRelation
    package let source: Reference

    package init(relation: LineageRelation, source: Reference) {
        self.relation = relation
        self.source = source
    }
}

/// A part of the lineage graph around one version.
package struct LineageGraph: Sendable, Hashable {
    package enum Direction: String, Sendable, CaseIterable {
        /// What it came from.
        case ancestors
        /// What came from it.
        case descendants
    }

    package let root: LineageNode
    package let direction: Direction
    package let edges: [LineageEdge]
    /// Whether there is more beyond the depth or edge limit.
    package let isTruncated: Bool

    package init(root: LineageNode, direction: Direction, edges: [LineageEdge], isTruncated: Bool) {
        self.root = root
        self.direction = direction
        self.edges = edges
        self.isTruncated = isTruncated
    }

    /// The graph in the DOT language of Graphviz; labels are quoted, so no name can break out of them.
    package var dot: String {
        var lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
        lines.append("  \(Self.quote(root.label)) [style=bold];")
        for edge in edges {
            lines.append(
                "  \(Self.quote(edge.from.label)) -> \(Self.quote(edge.to.label)) "
                    + "[label=\(Self.quote(edge.relation.rawValue))];")
        }
        return (lines + ["}"]).joined(separator: "\n") + "\n"
    }

    private static func quote(_ text: String) -> String {
        "\"" + Printable.escape(text).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
