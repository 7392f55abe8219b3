#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <jpeglib.h>
#include <jerror.h>

#include "error.h"
#include "images/formats.h"

namespace simplebase {
namespace {

constexpr int kQuality = 95;  // OpenCV's default
constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr unsigned kLongestMarker = 0xFFFF;
constexpr size_t kExifHeader = 6;

/// libjpeg reports an error by a call that must not return: it leaps back to where `leap` was set.
/// Nothing with a destructor may be made between there and here.
struct Report {
  jpeg_error_mgr base;
  jmp_buf leap;
  char message[JMSG_LENGTH_MAX] = "";
  char damage[JMSG_LENGTH_MAX] = "";  // the first
  bool cut_off = false;
};

Report& report_of(j_common_ptr job) { return *reinterpret_cast<Report*>(job->err); }

[[noreturn]] void leave(j_common_ptr job) {
  job->err->format_message(job, report_of(job).message);
  std::longjmp(report_of(job).leap, 1);
}

/// Whether what lies before the end's marker only fills up the file, as some cameras do. Bytes of
/// another kind are pixels: the decoder lost its way earlier, and was done too soon.
bool is_padding(j_common_ptr job) {
  const int skipped = job->err->msg_parm.i[0];
  if (job->err->msg_parm.i[1] != JPEG_EOI) return false;
  const JOCTET* const end = reinterpret_cast<j_decompress_ptr>(job)->src->next_input_byte;
  for (const JOCTET* byte = end - skipped; byte < end; ++byte) {
    if (*byte != 0x00 && *byte != 0xFF) return false;
  }
  return true;
}

/// Whether libjpeg only minds what does not touch the pixels.
bool is_harmless(j_common_ptr job) {
  switch (job->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL: return true;
    case JWRN_EXTRANEOUS_DATA: return is_padding(job);
    default: return false;
  }
}

/// Warnings: decoders fill up what is missing with grey, which would pass for an image.
void note(j_common_ptr job, int level) {
  Report& report = report_of(job);
  if (level >= 0 || is_harmless(job)) return;
  if (job->err->msg_code == JWRN_JPEG_EOF) report.cut_off = true;
  if (report.damage[0] == '\0') job->err->format_message(job, report.damage);
}

void ignore(j_common_ptr) {}

void set_up(Report& report) {
  jpeg_std_error(&report.base);
  report.base.error_exit = leave;
  report.base.emit_message = note;
  report.base.output_message = ignore;
}

int orientation_of(const jpeg_decompress_struct& job) {
  for (jpeg_saved_marker_ptr marker = job.marker_list; marker; marker = marker->next) {
    if (marker->marker == kExifMarker && marker->data_length > kExifHeader &&
        std::memcmp(marker->data, "Exif\0\0", kExifHeader) == 0) {
      return exif_orientation(marker->data + kExifHeader, marker->data_length - kExifHeader);
    }
  }
  return 1;
}

/// Inverted CMYK, as Adobe writes it, to RGB by OpenCV's formula; `pixels` hold four bytes each.
void rgb_from_cmyk(const uint8_t* cmyk, int width, uint8_t* rgb) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int black = cmyk[3];
    for (int channel = 0; channel < 3; ++channel) {
      rgb[channel] = static_cast<uint8_t>(black - (((255 - cmyk[channel]) * black) >> 8));
    }
  }
}

/// The part that libjpeg may leap out of.
bool decode(jpeg_decompress_struct& job, Report& report, const Bytes& data, const std::string& name,
            Image& image, Bytes& line, int& orientation) {
  if (setjmp(report.leap)) return false;
  jpeg_create_decompress(&job);
  jpeg_mem_src(&job, data.data(), data.size());
  jpeg_save_markers(&job, kExifMarker, kLongestMarker);
  jpeg_read_header(&job, TRUE);
  require_reasonable_size(job.image_width, job.image_height, name);
  orientation = orientation_of(job);
  const bool cmyk = job.jpeg_color_space == JCS_CMYK || job.jpeg_color_space == JCS_YCCK;
  job.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&job);
  image = Image(static_cast<int>(job.output_width), static_cast<int>(job.output_height));
  line.resize(cmyk ? size_t{4} * job.output_width : 0);
  while (job.output_scanline < job.output_height) {
    uint8_t* const target = image.row(static_cast<int>(job.output_scanline));
    JSAMPROW rows[1] = {cmyk ? line.data() : target};
    jpeg_read_scanlines(&job, rows, 1);
    if (cmyk) rgb_from_cmyk(line.data(), image.width, target);
  }
  jpeg_finish_decompress(&job);
  return true;
}

/// Of what libjpeg allocated.
template <typename Job, void (*Destroy)(Job*)>
struct Guard {
  Job& job;
  ~Guard() { Destroy(&job); }
};

bool encode(jpeg_compress_struct& job, Report& report, const Image& image, unsigned char** data,
            unsigned long* size) {
  if (setjmp(report.leap)) return false;
  jpeg_create_compress(&job);
  jpeg_mem_dest(&job, data, size);
  job.image_width = static_cast<JDIMENSION>(image.width);
  job.image_height = static_cast<JDIMENSION>(image.height);
  job.input_components = 3;
  job.in_color_space = JCS_RGB;
  jpeg_set_defaults(&job);
  jpeg_set_quality(&job, kQuality, TRUE);
  jpeg_start_compress(&job, TRUE);
  while (job.next_scanline < job.image_height) {
    JSAMPROW rows[1] = {const_cast<uint8_t*>(image.row(static_cast<int>(job.next_scanline)))};
    jpeg_write_scanlines(&job, rows, 1);
  }
  jpeg_finish_compress(&job);
  return true;
}

}  // namespace

bool is_jpeg(const Bytes& data) {
  return data.size() > 2 && data[0] == 0xFF && data[1] == 0xD8 && data[2] == 0xFF;
}

Image decode_jpeg(const Bytes& data, const std::string& name) {
  jpeg_decompress_struct job{};
  Report report;
  set_up(report);
  job.err = &report.base;
  const Guard<jpeg_decompress_struct, jpeg_destroy_decompress> guard{job};
  Image image;
  Bytes line;
  int orientation = 1;
  const bool done = decode(job, report, data, name, image, line, orientation);
  if (report.cut_off) {
    throw Error(name + " is cut off: its file ends before the image does.");
  }
  if (!done) {
    throw Error(name + " cannot be read as a JPEG image (" + report.message + "). Is it damaged?");
  }
  if (report.damage[0] != '\0') {
    throw Error(name + " is damaged: a part of the image is lost (" + report.damage + ").");
  }
  return upright(std::move(image), orientation);
}

Bytes encode_jpeg(const Image& image) {
  jpeg_compress_struct job{};
  Report report;
  set_up(report);
  job.err = &report.base;
  const Guard<jpeg_compress_struct, jpeg_destroy_compress> guard{job};
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const bool done = encode(job, report, image, &data, &size);
  const Bytes bytes(data, data + size);
  std::free(data);
  if (!done) throw Error(std::string("no JPEG could be made of the image: ") + report.message);
  return bytes;
}

}  // namespace simplebase
