import AssayDomain
import AssayReport
import Foundation
import Testing

@Suite struct PageTests {
    @Test func `the page of a passed version shows verdict, pictures and context`() throws {
        let page = try ReportPage(try Sample.report()).html()
        for expected in [
            "<h1>team/digits:3</h1>", "Passed", "id=\"latency-chart-title\"", "id=\"throughput-chart-title\"",
            "id=\"comparison-chart-title\"", "Confusion matrix", "assay-evaluator", "--replay 00000000000000aa",
        ] {
            #expect(page.contains(expected), "\(expected) is missing")
        }
    }

    @Test func `a refused version says so, whatever was measured`() throws {
        #expect(try ReportPage(try Sample.report(result: "FAILED")).html().contains("Refused"))
    }

    @Test func `a version that could not be measured has its failure and no pictures`() throws {
        let page = try ReportPage(try Sample.report(failure: "the model is <empty>", result: nil)).html()
        #expect(page.contains("Could not be measured") && page.contains("the model is &lt;empty&gt;"))
        #expect(!page.contains("<svg"))
    }

    @Test(arguments: [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</style><script>", "{{name}}",
        "a\u{0}\u{7}\u{202E}b",
    ])
    func `hostile text is escaped wherever it stands`(text: String) throws {
        let page = try ReportPage(try Sample.report(hostile: text)).html()
        #expect(
            !page.contains("<script") && !page.contains("<img") && page.components(separatedBy: "</style>").count == 2)
        #expect(!page.unicodeScalars.contains { $0.value < 32 && $0 != "\n" || $0 == "\u{202E}" })
    }

    @Test(arguments: [2, 30, 60, 61])
    func `a matrix is drawn as long as its cells can be told apart`(classes: Int) throws {
        let page = try ReportPage(try Sample.report(classes: classes)).html()
        #expect(page.contains("class=\"grid") == (classes <= 60))
    }

    @Test(arguments: [0.0004, 3.0, 900, 75_000, 40_000_000])
    func `latencies of any size have an axis`(microseconds: Double) throws {
        let page = try ReportPage(try Sample.report(microseconds: microseconds)).html()
        let ticks = page.components(separatedBy: "<text class=\"tick\"").count
        #expect(ticks > 8 && !page.contains("nan ") && !page.contains("inf "))
    }

    @Test(
        arguments: [
            (1e300, "1.000e+300"), (.leastNonzeroMagnitude, "4.941e-324"), (-.leastNonzeroMagnitude, "-4.941e-324"),
            (-0.0, "0"),
            (Double.greatestFiniteMagnitude, "1.798e+308"), (9_223_372_036_854_775_808, "9.223e+18"),
            (999_999_999_999_999, "999999999999999"), (-1_234_567_890_123, "-1234567890123"), (9.9996e-10, "1.000e-09"),
            (0.25, "0.2500"),
        ] as [(Double, String)])
    func `every finite number is printed as one`(value: Double, text: String) throws {
        let report = try Sample.report(accuracy: value)
        let metrics = try #require(report.sections.first { $0.title == "Metrics" })
        #expect(metrics.tables.first?.rows.first?.map(\.text) == ["accuracy", text])
        #expect(try ReportPage(report).html().contains(">\(text)<"))
    }

    @Test(arguments: [1e300, .leastNonzeroMagnitude, 1e-300, .greatestFiniteMagnitude] as [Double])
    func `extreme latencies still make a page`(microseconds: Double) throws {
        let page = try ReportPage(try Sample.report(microseconds: microseconds, isConstant: true)).html()
        #expect(page.contains("id=\"latency\""))
    }

    @Test func `equal times of all runs still make a picture`() throws {
        let page = try ReportPage(try Sample.report(microseconds: 5, isConstant: true)).html()
        #expect(page.contains("latency-chart-title"))
    }

    @Test func `the metric that the policy bounds comes first`() throws {
        var report = try Sample.report()
        #expect(report.sections.first { $0.title == "Metrics" }?.tables[0].rows[0][0].text == "accuracy")
        report = try Sample.report(requirement: "macro_f1.drop")
        #expect(report.sections.first { $0.title == "Metrics" }?.tables[0].rows[0][0].text == "macro_f1")
        #expect(try ReportPage(report).html().contains("<dt>macro_f1</dt>"))
    }

    @Test func `what passed by a waiver is no plain pass`() throws {
        let page = try ReportPage(try Sample.report(waiver: "key a until b: <why>")).html()
        #expect(page.contains("Passed with 1 waiver") && page.contains("<header class=\"top open\">"))
        #expect(page.contains("accuracy: key a until b: &lt;why&gt;"))
        #expect(!(try ReportPage(try Sample.report()).html().contains("waiver")))
    }

    @Test func `ratios far from one are drawn where they are`() throws {
        let page = try ReportPage(try Sample.report()).html()
        #expect(page.contains("(logarithmic)") && page.contains(">0.001x<") && page.contains(">10x<"))
    }

    @Test func `the comparison of metrics is one row for each, and a picture`() throws {
        let report = try Sample.report()
        let paired = try #require(report.sections.first { $0.title == "Metrics beside team/digits:3" })
        #expect(paired.tables.count == 1 && paired.tables[0].rows.count == 4)
        #expect(paired.tables[0].rows.map { $0[5].text } == ["better", "worse", "not decided", "not decided"])
        #expect(!report.sections.contains { $0.title == "Paired" })
        #expect(try ReportPage(report).html().contains("id=\"difference-chart-2-title\""))
    }

    @Test func `a head tells data, code, keys and who moved an alias`() throws {
        var report = try Sample.report()
        report.background.keyNames = ["0123456789abcdef": "<release>"]
        report.background.sources = [.init(relation: .trainedOn, name: "team/data:1")]
        report.background.moves = [
            .init(
                alias: try AliasName(parsing: "production"), cause: .promotion, at: Timestamp(milliseconds: 0),
                actor: "ada", logEntry: 12)
        ]
        let facts = Dictionary(uniqueKeysWithValues: report.facts.map { ($0.name, $0.text) })
        #expect(facts["trained on"] == "team/data:1" && facts["measured by"] == "<release> (0123456789ab)")
        #expect(facts["production"] == "since 1970-01-01T00:00:00.000Z, promotion by ada, log entry 12")
        #expect(try ReportPage(report).html().contains("&lt;release&gt; (0123456789ab)"))
    }
}
