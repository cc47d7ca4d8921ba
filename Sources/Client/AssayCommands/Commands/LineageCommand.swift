import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay lineage REF`
struct LineageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineage",
        abstract: "Show what a version came from, or what came from it.",
        discussion: """
            Example:
              assay lineage team/fraud:3 --dot | dot -Tsvg > lineage.svg
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Flag(help: "Show what came from it.")
    var descendants = false

    @Option(help: "How many steps to go.")
    var depth: Int?

    @Flag(help: "Print the graph in the language of Graphviz.")
    var dot = false

    @OptionGroup var options: ServerOptions

    /// What --json prints: the graph, and what was measured of its edges.
    private struct Document: Encodable, Sendable {
        let graph: LineageResponse
        let measured: [EdgeEvidence]

        private enum CodingKeys: CodingKey { case measured }

        func encode(to encoder: any Encoder) throws {
            try graph.encode(to: encoder)
            var values = encoder.container(keyedBy: CodingKeys.self)
            if !measured.isEmpty { try values.encode(measured, forKey: .measured) }
        }
    }

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        let direction: LineageGraph.Direction = descendants ? .descendants : .ancestors
        guard !(dot && options.json) else { throw AssayError(.usage, "--dot and --json are two forms of the output") }
        let (depth, isDOT, isJSON, console) = (depth, dot, options.json, options.console)
        try await options.withClient { client in
            if isDOT {
                let text = try await client.lineageDOT(of: reference, direction: direction, depth: depth)
                for line in text.split(separator: "\n") { try console.print(Printable.escape(line, limit: 4_000)) }
                return
            }
            let graph = try await client.lineage(of: reference, direction: direction, depth: depth)
            let evidence = try await EdgeEvidence.fetch(of: graph.edges, client: client)
            if isJSON { return try console.print(json: Document(graph: graph, measured: evidence)) }
            try console.print(Self.parts(of: graph, evidence))
            if graph.isTruncated { console.note("there is more; add --depth N to see it") }
        }
    }

    /// The root and an edge a row.
    static func parts(of graph: LineageResponse, _ evidence: [EdgeEvidence]) -> [OutputPart] {
        guard !graph.edges.isEmpty else { return ["\(Printable.escape(graph.root)) has no \(graph.direction)"] }
        var table = Table(headings: ["RESULT", "RELATION", "SOURCE"] + (evidence.isEmpty ? [] : ["MEASURED"]))
        for edge in graph.edges {
            let measured = evidence.first { $0.result == edge.from && $0.source == edge.to }
            table.add(
                row: [edge.from, edge.relation.rawValue, edge.to] + (evidence.isEmpty ? [] : [measured?.text ?? ""]))
        }
        return ["\(graph.direction) of \(Printable.escape(graph.root))", .table(table)]
    }
}

/// `assay annotate REF KEY=VALUE…`
struct AnnotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "annotate",
        abstract: "Add, change and remove notes on a version.",
        discussion: """
            Example:
              assay annotate team/fraud:3 reviewed-by=ada --remove draft
            """)

    @Argument(help: "A version: NAME:3, NAME:production or NAME@sha256:….", completion: .reference)
    var reference: String

    @Argument(help: ArgumentHelp("Notes to set.", valueName: "key=value"))
    var notes: [String] = []

    @Option(help: ArgumentHelp("A note to remove.", valueName: "key"))
    var remove: [String] = []

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        let given = try Arguments.pairs(notes, of: "the argument") ?? [:]
        guard !(given.isEmpty && remove.isEmpty) else {
            throw AssayError(.usage, "there is nothing to change", remedy: "add KEY=VALUE, or --remove KEY")
        }
        var annotations: [String: String?] = given.mapValues { $0 }
        for key in remove {
            guard given[key] == nil else {
                throw AssayError(.usage, "\(Printable.quote(key)) is both set and removed")
            }
            annotations.updateValue(nil, forKey: key)
        }
        let request = AnnotateRequest(annotations: annotations)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let version = try await client.annotate(reference, request)
            if isJSON { return try console.print(json: version) }
            var table = Table("KEY", "VALUE")
            for (key, value) in version.annotations.sorted(by: { $0.key < $1.key }) { table.add(key, value) }
            try console.print("\(version.reference)")
            if !table.isEmpty { try console.print(table) }
        }
    }
}
