import Testing

/// The repository checks itself. Each check is tried on planted faults in the file that is named after its rules.
struct RepositoryTests {
    private let files: RepositoryFiles

    init() throws { files = try RepositoryFiles.current.get() }

    private var sources: [TextFile] { files.texts("swift").filter { $0.isBeneath("Sources") } }

    /// The folders `Sources/CModules/X`.
    private var cModules: Set<String> {
        Set(files.paths.filter { $0.hasPrefix("Sources/CModules/") }.map { String($0.split(separator: "/")[2]) })
    }

    /// The folders of all targets, C modules included.
    private var targets: Set<String> {
        Set(files.paths.compactMap(ImportRules.target)).union(cModules)
    }

    private func expectNone(_ findings: [Finding], sourceLocation: SourceLocation = #_sourceLocation) {
        guard !findings.isEmpty else { return }
        let list = findings.map(\.description).joined(separator: "\n")
        Issue.record("\(findings.count) findings:\n\(list)", sourceLocation: sourceLocation)
    }

    // MARK: Imports

    @Test func `the walk finds the sources`() {
        #expect(sources.count > 100)
        #expect(targets.isSuperset(of: ["AssayDomain", "AssayIndex", "COpenSSL", "assay", "assay-evaluator"]))
    }

    @Test func `the table of imports has every target and no other`() {
        #expect(targets.subtracting(cModules) == Set(ImportRules.allowed.keys))
    }

    @Test func `imports run along the arrows only`() {
        expectNone(sources.flatMap { ImportRules.findings(in: $0, modules: targets) })
    }

    @Test func `each C module is imported by exactly one target`() {
        expectNone(ImportRules.findings(inCModules: cModules, sources: sources))
    }

    // MARK: Code

    @Test func `SQL stands in the index alone`() {
        expectNone(files.texts("swift", "sql").flatMap(CodeRules.strayStatements))
    }

    @Test func `paths are compared by their bytes`() { expectNone(sources.flatMap(CodeRules.pathComparisons)) }

    @Test func `no banned call is in the sources`() { expectNone(sources.flatMap(CodeRules.bannedCalls)) }

    @Test func `nothing is printed but by the console`() { expectNone(sources.flatMap(CodeRules.strayOutput)) }

    @Test func `unstructured tasks say who owns them`() { expectNone(sources.flatMap(CodeRules.unstructuredTasks)) }

    @Test func `unchecked Sendable comes with a proof`() { expectNone(sources.flatMap(CodeRules.uncheckedSendable)) }

    @Test func `nothing is left for later`() {
        let code = files.texts("swift", "c", "h", "sh", "py", "sql", "yaml", "json", "md")
        expectNone(code.flatMap(CodeRules.leftoverNotes))
    }

    @Test func `Swift files and lines are not too long`() { expectNone(files.texts("swift").flatMap(CodeRules.sizes)) }

    // MARK: Documents

    @Test func `relative links lead somewhere`() {
        expectNone(files.texts("md").flatMap { DocumentRules.deadLinks(in: $0, paths: files.paths) })
    }

    @Test func `no text names a path of one machine`() { expectNone(files.texts.flatMap(DocumentRules.machinePaths)) }

    @Test func `the architecture page names every target`() throws {
        expectNone(DocumentRules.unnamedTargets(targets, in: try files.text("docs/ARCHITECTURE.md")))
    }

    @Test func `the API page has every error code and no other`() throws {
        let page = try files.text("docs/api.md")
        let declared = DocumentRules.declaredCodes(in: try files.text("Sources/Core/AssayDomain/ErrorCode.swift"))
        #expect(declared.count > 50)
        expectNone(
            DocumentRules.codeDifferences(
                declared: declared, documented: DocumentRules.documentedCodes(in: page), page: page.path))
    }
}
