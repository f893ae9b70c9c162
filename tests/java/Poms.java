// What Maven's own reader of POMs makes of files: for each a line with its name, and either the coordinate and the name of the project,
// with letters beyond ASCII as numbers, or `refused`. Reads as Maven reads the POM of a dependency: leniently.
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.maven.model.Model;
import org.apache.maven.model.io.xpp3.MavenXpp3Reader;

public class Poms {
    public static void main(String[] files) throws Exception {
        for (String file : files) {
            byte[] bytes = Files.readAllBytes(Path.of(file));
            String said;
            try {
                Model model = new MavenXpp3Reader().read(new ByteArrayInputStream(bytes), false);
                said = "read\t" + model.getGroupId() + ":" + model.getArtifactId() + ":" + model.getVersion() + "\t" + ascii(model.getName());
            } catch (Exception e) {
                said = "refused";
            }
            System.out.println(Path.of(file).getFileName() + "\t" + said);
        }
    }

    static String ascii(String text) {
        StringBuilder out = new StringBuilder();
        for (char c : (text == null ? "" : text).toCharArray()) {
            if (c >= ' ' && c < 127) {
                out.append(c);
            } else {
                out.append(String.format("{%04x}", (int) c));
            }
        }
        return out.toString();
    }
}
