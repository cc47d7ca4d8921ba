import EvaluationProtocol
import Testing

@testable import ModelEvaluator

/// How far two models answer the same: against values computed with scipy, and the borders.
struct TeacherAgreementTests {
    private static func table(_ predicted: [String], _ shares: [Double], classes: [String]? = ["a", "b"]) -> AnswerTable
    {
        var table = AnswerTable()
        table.predicted = predicted
        table.shares = shares
        table.classes = classes
        return table
    }

    private static func figures(
        _ student: AnswerTable, _ teacher: AnswerTable, expected: [String]? = nil, groups: [String: [String]] = [:]
    ) -> TeacherFigures {
        TeacherAgreement(student: student, teacher: teacher, expected: expected, groups: groups, seed: 1)
            .figures(metrics: [:])
    }

    /// By scipy 1.17: beta.ppf(1 - c, x, n - x + 1) and beta.ppf(c, x + 1, n - x).
    @Test(arguments: [
        (486, 500, 0.95, 0.956572656526684, 0.982994522534468), (500, 500, 0.95, 0.99402644848365, 1),
        (0, 10, 0.9, 0, 0.205671765275719), (1, 3, 0.5, 0.2062994740159, 0.5), (59, 59, 0.95, 0.950492390111773, 1),
        (99_990, 100_000, 0.999, 0.999758677343591, 0.999970393902232),
    ])
    func `bounds of a share are those of Clopper and Pearson`(
        count: Int, total: Int, confidence: Double, lower: Double, upper: Double
    ) {
        let bound = BinomialBounds(count: count, total: total).bound(confidence: confidence)
        #expect(abs(bound.lower - lower) < 1e-9)
        #expect(abs(bound.upper - upper) < 1e-9)
    }

    @Test func `a model beside itself agrees, and diverges by nothing`() {
        let table = Self.table(["a", "b", "a"], [0.9, 0.1, 0.2, 0.8, 1, 0])
        let found = Self.figures(table, table, expected: ["a", "a", "a"])
        #expect(found.figures["agreement"]?.value == 1)
        #expect(found.figures["agreement"]?.bounds?.last?.upper == 1)
        for name in ["kl_mean", "kl_max", "js_mean", "js_p99", "flips"] { #expect(found.figures[name]?.value == 0) }
        #expect(found.figures["inherited_errors"]?.value == 1)
        #expect(found.figures["error_consistency"]?.value == 1)
        #expect(found.figures["retained_accuracy"]?.value == 1)
        #expect(found.counts["teacher_errors"] == 1)
    }

    @Test func `divergence is that of the teacher from the model, in nats, and classes are matched by name`() {
        let teacher = Self.table(["a"], [0.9, 0.1])
        let student = Self.table(["a"], [0.4, 0.6], classes: ["b", "a"])
        let found = Self.figures(student, teacher)
        // scipy.special.rel_entr: 0.9 ln(0.9 / 0.6) + 0.1 ln(0.1 / 0.4)
        #expect(abs((found.figures["kl_mean"]?.value ?? 0) - 0.22628916118535888) < 1e-12)
        #expect(abs((found.figures["js_mean"]?.value ?? 0) - 0.06328782441845603) < 1e-12)
        #expect(found.leftOut["flips"] == "the data has no labels")
    }

    @Test func `a probability of nothing costs much and is no infinity`() {
        let found = Self.figures(Self.table(["b"], [0, 1]), Self.table(["a"], [1, 0]))
        let kl = found.figures["kl_max"]?.value ?? 0
        #expect(abs(kl - 36.04365338911715) < 1e-9, "52 ln 2")
        #expect(abs((found.figures["js_mean"]?.value ?? 0) - 0.6931471805599453) < 1e-12, "at most ln 2")
        #expect(found.figures["agreement"]?.value == 0)
    }

    @Test func `other classes, other widths and what is no probability are left out with a reason`() {
        let table = Self.table(["a"], [0.9, 0.1])
        var plain = Self.table(["a"], [])
        plain.sharesFault = "no scores"
        for other in [
            Self.table(["a"], [0.9, 0.1], classes: ["a", "c"]), Self.table(["a"], [0.9, 0.1], classes: nil),
            Self.table(["a"], [0.8, 0.1, 0.1], classes: ["a", "b", "c"]), plain,
        ] {
            let found = Self.figures(table, other)
            #expect(found.figures["kl_mean"] == nil)
            #expect(found.leftOut["kl_mean"]?.isEmpty == false)
            #expect(found.figures["agreement"]?.value == 1)
        }
    }

    @Test func `errors are counted apart by who is right`() {
        let expected = ["a", "a", "a", "b", "b", "b"]
        let teacher = Self.table(["a", "a", "b", "b", "a", "a"], [], classes: nil)
        let student = Self.table(["a", "b", "b", "b", "a", "b"], [], classes: nil)
        let found = Self.figures(
            student, teacher, expected: expected, groups: ["half": ["x", "x", "x", "y", "y", "y"]])
        #expect(found.counts["to_worse"] == 1)
        #expect(found.counts["to_better"] == 1)
        #expect(found.counts["teacher_errors"] == 3)
        #expect(found.counts["same_answer"] == 2)
        #expect(found.figures["flips"]?.value == 2.0 / 6)
        #expect(found.figures["inherited_errors"]?.value == 2.0 / 3)
        #expect(found.figures["agreement_teacher_right"]?.value == 2.0 / 3)
        #expect(found.figures["retained_accuracy"]?.value == 1)
        #expect(found.slices?["half"]?["x"]?.value == 2.0 / 3)
        // Half of the samples are right for each: 4 of 6 alike against 1/2 by chance.
        #expect(abs((found.figures["error_consistency"]?.value ?? 0) - 1.0 / 3) < 1e-12)
    }

    @Test func `consistency has no meaning where a model never errs`() {
        #expect(ErrorTable(both: 5, studentOnly: 0, teacherOnly: 0, neither: 0).consistency(seed: 1) == nil)
        #expect(ErrorTable(both: 5, studentOnly: 2, teacherOnly: 0, neither: 0).kappa == nil)
        #expect(ErrorTable(both: 0, studentOnly: 0, teacherOnly: 0, neither: 4).kappa == nil)
        let first = ErrorTable(both: 480, studentOnly: 1, teacherOnly: 11, neither: 8).consistency(seed: 1)
        #expect(first == ErrorTable(both: 480, studentOnly: 1, teacherOnly: 11, neither: 8).consistency(seed: 1))
        #expect(abs((first?.value ?? 0) - 0.5606970273832184) < 1e-12)
    }

    @Test func `numbers are compared as numbers`() {
        var (student, teacher) = (AnswerTable(), AnswerTable())
        student.values = [1, 2, 2, 4, 5]
        teacher.values = [3, 1, 2, 5, 5]
        let found = Self.figures(student, teacher)
        #expect(found.figures["max_absolute_error"]?.value == 2)
        #expect(found.figures["max_relative_error"]?.value == 1)
        #expect(abs((found.figures["rank_correlation"]?.value ?? 0) - 0.6315789473684211) < 1e-12)
        student.values = [1, 1, 1, 1, 1]
        #expect(Self.figures(student, teacher).leftOut["rank_correlation"] != nil)
    }
}
