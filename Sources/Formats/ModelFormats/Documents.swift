import AssayDomain

/// The small files beside a model that say what it is: `config.json`, a README with front matter, `MLmodel`.
enum Documents {
    /// Reads the file if it is one of them; false if it is none.
    ///
    /// Throws `NotInspected`, and what the source throws.
    static func inspect(_ part: SourcePart, named name: String, into inspection: inout FileInspection) throws -> Bool {
        switch name {
        case "config.json":
            inspection.format = FileInspection.Format.modelConfig
            return try inspectConfig(part, into: &inspection)
        case "adapter_config.json":
            inspection.format = FileInspection.Format.modelConfig
            return try inspectAdapter(part, into: &inspection)
        case "README.md":
            inspection.format = FileInspection.Format.modelCard
            return try inspectCard(part, into: &inspection)
        case "MLmodel":
            inspection.format = FileInspection.Format.mlmodel
            let entries = try SimpleYAML(try text(part, limit: ScanLimit.frontMatterBytes, "it"))
            inspection.add(facts(of: entries, mlmodelKeys))
            return true
        default: return false
        }
    }

    private static func json(_ part: SourcePart) throws -> JSONValue {
        let bytes = Array(try text(part, limit: ScanLimit.configBytes, "it").utf8)
        do {
            try JSONWeight.check(bytes, limit: ScanLimit.configBytes)
            return try JSONValue(parsing: bytes)
        } catch {
            throw NotInspected("it is no JSON that is read: \(error.reason ?? error.message)")
        }
    }

    /// Source: huggingface/peft, config.py: weights that are put on those of another model.
    private static func inspectAdapter(_ part: SourcePart, into inspection: inout FileInspection) throws -> Bool {
        let document = try json(part)
        guard document["peft_type"] != nil else { return false }
        let keys: KeyValuePairs = [
            "base_model_name_or_path": "base model", "peft_type": "adapter", "task_type": "task type",
        ]
        inspection.add(facts(of: document, keys) + [.init(name: "base model relation", values: ["adapter"])])
        return true
    }

    private static func facts(
        of document: JSONValue, _ keys: KeyValuePairs<String, String>
    ) -> [FileInspection.Fact] {
        keys.compactMap { key, name in
            let values = document[key].map(texts) ?? []
            return values.isEmpty ? nil : .init(name: name, values: values)
        }
    }

    /// Source: huggingface/transformers, configuration_utils.py. Another tool's `config.json` is none of these.
    private static func inspectConfig(_ part: SourcePart, into inspection: inout FileInspection) throws -> Bool {
        let document = try json(part)
        guard document["model_type"] != nil || document["architectures"] != nil else { return false }
        inspection.add(facts(of: document, configKeys))
        // Code of the model's own that is run where it is trusted.
        if case .object(let members)? = document["auto_map"] {
            inspection.add([.init(name: "own code", values: members.flatMap { Self.texts($0.value) })])
        }
        return true
    }

    private static let configKeys: KeyValuePairs = [
        "architectures": "architecture", "model_type": "model type", "torch_dtype": "dtype", "dtype": "dtype",
        "problem_type": "problem type", "_name_or_path": "name or path", "transformers_version": "transformers",
    ]

    private static func texts(_ value: JSONValue) -> [String] {
        switch value {
        case .text(let text): [text]
        case .number(let text): [text]
        case .flag(let flag): [String(flag)]
        case .list(let items):
            items.prefix(ScanLimit.values).compactMap { item in
                if case .text(let text) = item { text } else { nil }
            }
        case .null, .object: []
        }
    }

    /// Source: Hugging Face, "Model Cards", the keys of `ModelCardData`.
    private static func inspectCard(_ part: SourcePart, into inspection: inout FileInspection) throws -> Bool {
        var head = try part.bytes(0, count: ScanLimit.frontMatterBytes)
        // The mark of UTF-8 that some editors write.
        if head.starts(with: [0xEF, 0xBB, 0xBF]) { head.removeFirst(3) }
        guard let lines = frontMatter(head) else {
            guard head.starts(with: Array("---\n".utf8)), head.count < part.byteCount else { return false }
            throw NotInspected("its front matter has over \(ScanLimit.frontMatterBytes >> 10) KiB")
        }
        inspection.add(facts(of: try SimpleYAML(lines), cardKeys))
        return true
    }

    /// What stands between the first line of three dashes and the next one.
    private static func frontMatter(_ head: [UInt8]) -> String? {
        let isMark = { (line: ArraySlice<UInt8>) in line.prefix { $0 != 0x0D }.elementsEqual("---".utf8) }
        guard let first = head.firstIndex(of: 0x0A), isMark(head[..<first]) else { return nil }
        var start = first + 1
        while start < head.count {
            let end = head[start...].firstIndex(of: 0x0A) ?? head.endIndex
            if isMark(head[start..<end]) { return String(decoding: head[(first + 1)..<start], as: UTF8.self) }
            start = end + 1
        }
        return nil
    }

    private static let cardKeys: KeyValuePairs = [
        "license": "license", "license_name": "license name", "license_link": "license link", "datasets": "datasets",
        "tags": "tags", "base_model": "base model", "base_model_relation": "base model relation",
        "pipeline_tag": "task", "library_name": "library", "language": "language", "metrics": "metrics",
        "model_name": "name",
    ]

    /// Source: MLflow 3, "MLflow Models", the MLmodel file.
    private static let mlmodelKeys: KeyValuePairs = [
        "flavors": "flavors", "run_id": "run", "mlflow_version": "mlflow", "model_uuid": "model id",
        "model_id": "model id", "artifact_path": "artifact path", "utc_time_created": "created",
    ]

    private static func facts(
        of document: SimpleYAML, _ keys: KeyValuePairs<String, String>
    ) -> [FileInspection.Fact] {
        keys.compactMap { key, name in
            guard let entry = document[key] else { return nil }
            let values = entry.values.isEmpty ? entry.keys : entry.values
            return values.isEmpty ? nil : .init(name: name, values: values)
        }
    }

    private static func text(_ part: SourcePart, limit: Int, _ what: String) throws -> String {
        guard part.byteCount <= limit else { throw NotInspected("\(what) has over \(limit >> 10) KiB") }
        return String(decoding: try part.bytes(0, count: part.byteCount), as: UTF8.self)
    }
}
