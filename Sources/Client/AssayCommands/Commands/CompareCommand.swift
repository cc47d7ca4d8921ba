import APIProtocol
import ArgumentParser
import AssayBundle
import AssayClient
import AssayDomain
import AssayReport

/// `assay compare A B`, `assay compare NAME:ALIAS --at DATE --at DATE`
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Show what differs between two versions: files, model, data, figures, evidence.",
        discussion: """
            Figures stand side by side only where both were measured on the same version of a dataset with the same \
            settings; what is not compared is told, with the reason. With --at, the version that an alias pointed to \
            then is compared with that of the second --at, or of now.

            Example:
              assay compare team/fraud:3 team/fraud:4
              assay compare team/fraud:production team/fraud:4 --html compare.html
              assay compare team/fraud:production --at 2026-10-01 --at 2026-11-01
            """)

    @Argument(
        help: ArgumentHelp("Two versions, or one alias with --at: NAME:3, NAME:production.", valueName: "ref"),
        completion: .reference)
    var references: [String]

    @Option(
        help: ArgumentHelp(
            "The version that the alias pointed to then: 2026-11-25 or 2026-11-25T08:00:00Z; once or twice.",
            valueName: "date"))
    var at: [String] = []

    @Option(
        help: ArgumentHelp("Write one self-contained page; - is the standard output.", valueName: "file"),
        completion: .file())
    var html: String?

    @Option(
        help: ArgumentHelp("A trust root, or a key that may have signed; may be repeated.", valueName: "file"),
        completion: .file())
    var trust: [String] = []

    @OptionGroup var options: ServerOptions

    /// One of the two, as it was asked for.
    private struct Wanted: Sendable {
        let reference: Reference
        /// When an alias pointed to it; nil for now.
        let time: Timestamp?

        var text: String { time.map { "\(reference) at \($0)" } ?? "\(reference)" }

        func version(_ client: AssayClient) async throws -> Version {
            guard let time else { return try await client.version(reference) }
            let move = try await HistoryCommand.standing(of: reference, at: time, client: client)
            guard let number = move.to else {
                throw AssayError(.aliasNotFound, "\(reference) pointed nowhere at \(time)")
            }
            do {
                return try await client.version(Reference(reference.repository, number))
            } catch let error as AssayError where error.code.kind == .notFound {
                throw AssayError(
                    error.code, "the version that \(reference) pointed to at \(time) is gone",
                    reason: "\(reference.repository):\(number) was deleted",
                    remedy: "see when: assay audit list --repository \(reference.repository) --kind delete",
                    cause: error)
            }
        }
    }

    mutating func run() async throws {
        guard html == nil || !options.json else {
            throw AssayError(.usage, "both a page and JSON are asked for", remedy: "leave out --html or --json")
        }
        let (first, second) = try wanted()
        let named = trust.isEmpty ? nil : try TrustFiles.read(trust)
        let (html, isJSON, console) = (html, options.json, options.console)
        try await options.withClient { client in
            let (before, after) = (try await first.version(client), try await second.version(client))
            let root = if let named { named } else { TrustRoot(keys: try await client.keys().items) }
            async let from = ComparedVersion.fetch(
                before, asked: first.text, root: root, isNamed: named != nil, client: client)
            async let to = ComparedVersion.fetch(
                after, asked: second.text, root: root, isNamed: named != nil, client: client)
            let comparison = try await VersionComparison(from: from, to: to)
            if isJSON { return try console.print(json: comparison) }
            if let html { return try console.write(page: ReportPage(comparison), to: html) }
            try console.print("\(first.text) and \(second.text)")
            try console.print(comparison.sections)
        }
    }

    /// Throws `usage` unless two versions are named, or one alias and one or two times.
    private func wanted() throws -> (Wanted, Wanted) {
        let named = try references.map { try Reference(parsing: $0) }
        let times = try at.compactMap { try Arguments.time($0, option: "at") }
        guard let first = named.first, let last = named.last, named.count <= 2 else {
            throw AssayError(.usage, "\(named.count) versions are named", remedy: "name two to compare")
        }
        guard !times.isEmpty else {
            guard named.count == 2 else {
                throw AssayError(
                    .usage, "one version is named alone",
                    remedy: "name a second one, or add --at DATE to an alias")
            }
            return (Wanted(reference: first, time: nil), Wanted(reference: last, time: nil))
        }
        guard named.count == 1, times.count <= 2, case .tag(.alias) = first.selector else {
            throw AssayError(
                .usage, "--at asks where one alias pointed", reason: "numbers and digests never move",
                remedy: "name one alias and one or two dates: assay compare NAME:ALIAS --at DATE --at DATE")
        }
        return (
            Wanted(reference: first, time: times[0]), Wanted(reference: first, time: times.count == 2 ? times[1] : nil)
        )
    }
}
