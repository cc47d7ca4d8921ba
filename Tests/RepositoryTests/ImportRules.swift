/// Who may import whom: docs/ARCHITECTURE.md as a table.
enum ImportRules {
    /// For every target beneath Sources, the targets of ours that it may import.
    static let allowed: [String: Set<String>] = [
        // Core: words first, then rules over them, and the messages that server and client share.
        "AssayDomain": [],
        "AssayRegistry": ["AssayDomain"],
        "APIProtocol": ["AssayDomain"],
        // Storage: adapters of ports; never another adapter.
        "AssayBlobStore": ["AssayCrypto", "AssayDomain", "AssayRegistry", "CFileSystem", "CXXHash"],
        "AssayAuditLog": ["AssayCrypto", "AssayDomain", "AssayRegistry", "TransparencyLog"],
        "AssayIndex": ["AssayCrypto", "AssayDomain", "AssayRegistry"],
        // Formats: bytes in, values out. AssayBundle is the adapter of the evidence ports.
        "AssayArchive": ["CArchive"],
        "AssayCrypto": ["AssayDomain", "COpenSSL"],
        "AssayBundle": ["AssayArchive", "AssayCrypto", "AssayDomain", "AssayRegistry", "ModelFormats", "ONNXModel"],
        "ModelFormats": ["AssayDomain", "ONNXModel"],
        "ONNXModel": [],
        "ONNXRewriting": ["ONNXModel"],
        "TransparencyLog": ["AssayCrypto", "AssayDomain"],
        // Verification: server and evaluator share the protocol and nothing else.
        "EvaluationProtocol": [],
        "EvaluatorHost": ["AssayDomain", "AssayRegistry", "EvaluationProtocol"],
        "ModelEvaluator": ["AssayArchive", "EvaluationProtocol", "ONNXModel", "ONNXRuntime", "Sandbox"],
        "Sandbox": ["CConfinement", "CSeccomp", "EvaluationProtocol"],
        "ONNXRuntime": ["COnnxRuntime"],
        // Front ends: never an adapter, never another front end.
        "HTTPKit": ["AssayDomain", "AssayRegistry"],
        "NativeAPI": ["APIProtocol", "AssayDomain", "AssayRegistry", "HTTPKit"],
        "OCIFrontEnd": ["AssayDomain", "AssayRegistry", "HTTPKit"],
        // Client: no storage, no front end, no use cases.
        "AssayClient": ["APIProtocol", "AssayCrypto", "AssayDomain"],
        "AssayReport": ["AssayDomain"],
        "AssayCommands": [
            "APIProtocol", "AssayArchive", "AssayBundle", "AssayClient", "AssayCrypto", "AssayDomain", "AssayReport",
            "ONNXModel", "ONNXRewriting", "TransparencyLog",
        ],
        // Wiring: the only targets that import both sides.
        "assay": [
            "APIProtocol", "AssayAuditLog", "AssayBlobStore", "AssayBundle", "AssayClient", "AssayCommands",
            "AssayCrypto", "AssayDomain", "AssayIndex", "AssayRegistry", "EvaluatorHost", "HTTPKit", "NativeAPI",
            "OCIFrontEnd",
        ],
        "assay-evaluator": ["ModelEvaluator"],
    ]

    /// Modules of others that belong to a few targets.
    static let owners: [String: Set<String>] = [
        "ArgumentParser": ["AssayCommands", "assay"],
        "AsyncHTTPClient": ["AssayClient"],
        "GRDB": ["AssayIndex"],
        "Hummingbird": ["HTTPKit", "NativeAPI", "OCIFrontEnd", "assay"],
        "HummingbirdCore": ["HTTPKit", "assay"],
        "Mustache": ["AssayReport"],
        "ServiceLifecycle": ["assay"],
        "Subprocess": ["EvaluatorHost"],
        "Yams": ["AssayCommands"],
    ]

    /// The target of a file beneath Sources: `Sources/LAYER/TARGET/…`, or `Sources/TARGET/…` for a program.
    static func target(ofPath path: String) -> String? {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count >= 3, parts[0] == "Sources" else { return nil }
        return parts[1].hasPrefix("assay") ? parts[1] : (parts.count > 3 ? parts[2] : nil)
    }

    /// The module that a line imports, whatever stands before the word and whether or not it imports only a part.
    static func module(importedBy line: String) -> String? {
        let words = line.split(separator: " ")
        guard let position = words.firstIndex(of: "import"),
            words[..<position].allSatisfy({ $0.hasPrefix("@") || accessLevels.contains(String($0)) })
        else { return nil }
        let named = words[(position + 1)...].first { !kinds.contains(String($0)) }
        return named.flatMap { $0.split(separator: ".").first }.map(String.init)
    }

    private static let accessLevels: Set<String> = ["public", "package", "internal", "fileprivate", "private"]
    private static let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]

    /// Imports that the table does not allow.
    static func findings(in file: TextFile, modules: Set<String>) -> [Finding] {
        guard let target = target(ofPath: file.path) else { return [] }
        let code = SwiftCode(file).lines
        return file.findings { number, _ in
            guard let module = module(importedBy: code[number - 1].code), module != target else { return nil }
            if modules.contains(module), !(allowed[target] ?? []).contains(module) {
                return "\(target) must not import \(module)"
            }
            if let owners = owners[module], !owners.contains(target) {
                return "\(module) belongs to \(owners.sorted().joined(separator: ", "))"
            }
            return nil
        }
    }

    /// C modules that have no importer, or several.
    static func findings(inCModules modules: Set<String>, sources: [TextFile]) -> [Finding] {
        modules.sorted().compactMap { module in
            let importers = Set(
                sources.filter { $0.lines.contains { Self.module(importedBy: $0) == module } }
                    .compactMap { target(ofPath: $0.path) })
            guard importers.count != 1 else { return nil }
            return Finding(
                "Sources/CModules/\(module)",
                "is imported by \(importers.count) targets: \(importers.sorted().joined(separator: ", "))")
        }
    }
}
