import Foundation

/// Why bytes are no message of this protocol.
package struct EvaluationProtocolError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

extension EvaluationJob {
    /// The size above which a job is refused unread.
    package static let bytesMax = 1 << 20

    /// The job of a JSON document, every value in its range.
    package init(json: some Sequence<UInt8>) throws(EvaluationProtocolError) {
        self = try MessageCoding.decode(EvaluationJob.self, Data(json), what: "job")
        if let fault { throw EvaluationProtocolError(fault) }
    }

    /// The job as one JSON document.
    package func json() throws(EvaluationProtocolError) -> [UInt8] {
        try MessageCoding.encode(self, what: "job")
    }
}

extension EvaluationJob: Codable {
    private enum CodingKeys: String, CodingKey {
        case protocolVersion = "protocol"
        case runtimePath = "runtime_path"
        case modelPath = "model_path"
        case baselineModelPath = "baseline_model_path"
        case teacherModelPath = "teacher_model_path"
        case teacherMaxRatios = "teacher_max_ratios"
        case datasetPath = "dataset_path"
        case labelName = "label_name"
        case inputs, output, scores
        case task
        case topK = "top_k"
        case latency
        case limits
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            runtimePath: try values.decode(String.self, forKey: .runtimePath),
            modelPath: try values.decode(String.self, forKey: .modelPath),
            datasetPath: try values.decode(String.self, forKey: .datasetPath))
        baselineModelPath = try values.decodeIfPresent(String.self, forKey: .baselineModelPath)
        teacherModelPath = try values.decodeIfPresent(String.self, forKey: .teacherModelPath)
        teacherMaxRatios =
            try values.decodeIfPresent([LatencyStatistic: Double].self, forKey: .teacherMaxRatios) ?? teacherMaxRatios
        labelName = try values.decodeIfPresent(String.self, forKey: .labelName) ?? labelName
        inputs = try values.decodeIfPresent(EvaluationInputs.self, forKey: .inputs) ?? inputs
        task = try values.decodeIfPresent(EvaluationTask.self, forKey: .task) ?? task
        output = try values.decodeIfPresent(String.self, forKey: .output)
        scores = try values.decodeIfPresent(ScoreKind.self, forKey: .scores)
        topK = try values.decodeIfPresent([Int].self, forKey: .topK) ?? topK
        latency = try values.decodeIfPresent(LatencySettings.self, forKey: .latency) ?? latency
        limits = try values.decodeIfPresent(EvaluationLimits.self, forKey: .limits) ?? limits
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(EvaluationProtocolVersion.current, forKey: .protocolVersion)
        try values.encode(runtimePath, forKey: .runtimePath)
        try values.encode(modelPath, forKey: .modelPath)
        try values.encodeIfPresent(baselineModelPath, forKey: .baselineModelPath)
        try values.encodeIfPresent(teacherModelPath, forKey: .teacherModelPath)
        if !teacherMaxRatios.isEmpty { try values.encode(teacherMaxRatios, forKey: .teacherMaxRatios) }
        try values.encode(datasetPath, forKey: .datasetPath)
        try values.encode(labelName, forKey: .labelName)
        try values.encode(inputs, forKey: .inputs)
        try values.encode(task, forKey: .task)
        try values.encodeIfPresent(output, forKey: .output)
        try values.encodeIfPresent(scores, forKey: .scores)
        try values.encode(topK, forKey: .topK)
        try values.encode(latency, forKey: .latency)
        try values.encode(limits, forKey: .limits)
    }
}
