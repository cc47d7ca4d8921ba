import Testing

struct DocumentRulesTests {
    private let paths: Set<String> = ["README.md", "docs", "docs/cli.md", "docs/formats", "docs/formats/policy.md"]

    @Test(arguments: [
        ("docs/cli.md", "see [a](formats/policy.md) and [b](../README.md#top)"), ("README.md", "[`cli`](docs/cli.md)"),
        ("README.md", "[x](https://example.org/x.md) [y](#here)"), ("README.md", "`[no](link.md)` [f](docs/formats/)"),
    ])
    func `a link that leads somewhere is fine`(path: String, line: String) {
        #expect(DocumentRules.deadLinks(in: TextFile(path, line), paths: paths).isEmpty)
    }

    @Test(arguments: [
        ("docs/cli.md", "[a](policy.md)"), ("README.md", "[a](docs/CLI.md)"), ("README.md", "[a](../README.md)"),
        ("docs/formats/policy.md", "[good](../cli.md) [bad](../absent.md#part)"),
    ])
    func `a dead link is found`(path: String, line: String) {
        #expect(DocumentRules.deadLinks(in: TextFile(path, "\n" + line), paths: paths).map(\.line) == [2])
    }

    @Test func `links in a block of code do not count`() {
        #expect(DocumentRules.deadLinks(in: TextFile("README.md", "```\n[a](b)\n```\n"), paths: paths).isEmpty)
    }

    @Test(arguments: ["work", "home", "root", "opt"])
    func `a path of one machine is found`(folder: String) {
        func findings(_ line: String) -> [Finding] { DocumentRules.machinePaths(in: TextFile("a.sh", line)) }
        #expect(findings("cd /\(folder)/x").count == 1)
        #expect(findings("x=\"/\(folder)/x\"").count == 1)
        #expect(findings("curl https://host/\(folder)/x $PWD/\(folder)s/x").isEmpty)
    }

    @Test func `a target without a line is found`() {
        let page = TextFile("docs/ARCHITECTURE.md", "- `AssayDomain`: words\n")
        #expect(DocumentRules.unnamedTargets(["AssayDomain", "AssayIndex"], in: page).count == 1)
    }

    @Test func `codes are compared in both directions`() {
        let source = TextFile(
            "ErrorCode.swift",
            """
            static let a = ErrorCode("only-declared", .invalid)
            static let b = ErrorCode("both", .busy)
            static let c = ErrorCode("internal-error", .internal)
            static let d = ErrorCode("moved", .refused)
            """)
        let page = TextFile(
            "docs/api.md",
            """
            | `both` | busy | 429 |
            | `only-there` | busy |
            | `moved` | busy |
            | `internal-error` | internal |
            """)
        let findings = DocumentRules.codeDifferences(
            declared: DocumentRules.declaredCodes(in: source), documented: DocumentRules.documentedCodes(in: page),
            page: page.path)
        #expect(findings.count == 3)
        for code in ["only-declared", "only-there", "moved"] {
            #expect(findings.contains { $0.fault.contains(code) })
        }
    }
}

struct RepositoryFilesTests {
    @Test func `what .gitignore names is left out`() {
        let patterns = RepositoryFiles.ignoredNames(in: ".build*/\nPackage.resolved\n*.pyc\n")
        for name in [".git", ".build", ".build-x", "Package.resolved", "a.pyc"] {
            #expect(RepositoryFiles.isIgnored(name, by: patterns))
        }
        for name in ["build", "Package.swift", ".gitignore", ".ci"] {
            #expect(!RepositoryFiles.isIgnored(name, by: patterns))
        }
    }
}
