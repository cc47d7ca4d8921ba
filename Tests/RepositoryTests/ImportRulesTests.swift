import Testing

struct ImportRulesTests {
    @Test(arguments: [
        ("import AssayDomain", "AssayDomain"), ("package import AssayDomain", "AssayDomain"),
        ("@testable import AssayIndex", "AssayIndex"), ("@preconcurrency public import GRDB", "GRDB"),
        ("import struct GRDB.Row", "GRDB"), ("let text = \"import GRDB\"", nil), ("// import GRDB", nil),
        ("important()", nil),
    ])
    func `the imported module is read from a line`(line: String, module: String?) {
        #expect(ImportRules.module(importedBy: line) == module)
    }

    @Test(arguments: [
        ("Sources/Core/AssayDomain/Digest.swift", "AssayDomain"), ("Sources/assay/Server.swift", "assay"),
        ("Sources/Client/AssayCommands/Push/Publisher.swift", "AssayCommands"), ("Tests/TestSupport/X.swift", nil),
        ("Sources/Core/AssayDomain", nil), ("Package.swift", nil),
    ])
    func `the target is read from a path`(path: String, target: String?) {
        #expect(ImportRules.target(ofPath: path) == target)
    }

    @Test(arguments: [
        ("Sources/Core/AssayDomain/X.swift", "import AssayRegistry"),
        ("Sources/Core/AssayRegistry/X.swift", "package import AssayIndex"),
        ("Sources/Core/AssayRegistry/X.swift", "import Hummingbird"),
        ("Sources/Storage/AssayBlobStore/X.swift", "import AssayIndex"),
        ("Sources/Storage/AssayBlobStore/X.swift", "import GRDB"),
        ("Sources/FrontEnds/NativeAPI/X.swift", "import OCIFrontEnd"),
        ("Sources/FrontEnds/OCIFrontEnd/X.swift", "import AssayBlobStore"),
        ("Sources/Verification/ModelEvaluator/X.swift", "import AssayDomain"),
        ("Sources/Client/AssayCommands/X.swift", "import AssayIndex"),
        ("Sources/Formats/AssayBundle/X.swift", "import COpenSSL"),
    ])
    func `an import against the arrows is found`(path: String, line: String) {
        let file = TextFile(path, "import Foundation\n\(line)\n")
        let modules = Set(ImportRules.allowed.keys).union(["COpenSSL"])
        let findings = ImportRules.findings(in: file, modules: modules)
        #expect(findings.map(\.line) == [2])
    }

    @Test func `an import along the arrows is not`() {
        let file = TextFile("Sources/Core/AssayRegistry/X.swift", "package import AssayDomain\nimport Logging\n")
        #expect(ImportRules.findings(in: file, modules: Set(ImportRules.allowed.keys)).isEmpty)
    }

    @Test func `a C module of two targets or of none is found`() {
        let sources = [
            TextFile("Sources/Formats/AssayArchive/A.swift", "import CArchive\n"),
            TextFile("Sources/Formats/AssayArchive/B.swift", "import CArchive\n"),
            TextFile("Sources/Formats/AssayCrypto/C.swift", "import COpenSSL\n"),
            TextFile("Sources/Formats/AssayBundle/D.swift", "import COpenSSL\n"),
        ]
        let findings = ImportRules.findings(inCModules: ["CArchive", "COpenSSL", "CFileSystem"], sources: sources)
        #expect(findings.map(\.path) == ["Sources/CModules/CFileSystem", "Sources/CModules/COpenSSL"])
    }
}
